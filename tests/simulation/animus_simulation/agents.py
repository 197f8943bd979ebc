"""Coding agents in the simulation: a provider plugin with its own engine, whose agents are programs of the machine.

An agent is not its provider: when that dies the agent goes on until somebody ends it. Its session is on disk, as real
agents keep theirs: it outlives everything, and what was done in it is not done again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from animus_plugin_protocol import AsyncContext, ErrorCode, Plugin, RefusedError, RetriableError, RpcFault, methods
from animus_plugin_protocol.wire.provider import (
    AgentCancelParams,
    AgentCancelResult,
    AgentOutputNote,
    AgentRunParams,
    AgentRunResult,
    AgentSessionStartedNote,
    ProviderCapabilities,
)
from animus_simulation.programs import SPAWN_SECONDS, Course, Place, Programs, Running
from animus_simulation.stream import stream
from animus_workflow_runner_default.phases.provider_error import FAILS_OVER
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["Agents", "build_provider"]

TALK_SECONDS = (0.2, 3.0)
"""From its first word to the first thing that it does."""

WORK_SECONDS = (0.5, 5.0, 60.0)
ACT = "act"
"""The point at which an agent has done its work and has not said so."""

END_SECONDS = (0.05, 4.0)
"""How long an agent takes to end when it is told to."""


class _Fate(NamedTuple):
    """What comes of a call; `fault` is the provider's word for a failure, and whether the agent had begun by then."""

    share: float
    fault: str | None = None
    has_begun: bool = False


FATES = (
    _Fate(0.60),
    _Fate(0.08, "transient"),
    _Fate(0.10, "transient", has_begun=True),
    _Fate(0.06, "turns", has_begun=True),
    _Fate(0.06, "provider_exhaustion"),
    _Fate(0.04, "provider_exhaustion", has_begun=True),
    _Fate(0.03, "target_unavailable"),
    _Fate(0.03, "unknown", has_begun=True),
)


class _Session:
    """What an agent knows of its own past."""

    def __init__(self, place: Place) -> None:
        self.place, self.has_acted = place, False


class Agents:
    """The sessions of all agents of the machine, whichever provider they were begun with.

    Attributes:
        handed_on: how often an agent had done its work and then said that another should go on, by attempt.
        problems: sessions that were gone on with for somebody else, in words.
    """

    def __init__(self, programs: Programs, seed: int) -> None:
        self.programs, self.seed = programs, seed
        self.sessions: dict[str, _Session] = {}
        self.handed_on: Counter[Place] = Counter()
        self.problems: list[str] = []

    def begin(self, place: Place) -> str:
        """A new session."""
        resume_id = f"session-{len(self.sessions)}"
        self.sessions[resume_id] = _Session(place)
        return resume_id

    def resume(self, resume_id: str, place: Place) -> None:
        """Go on with a session: that of the same attempt."""
        known = self.sessions[resume_id].place
        if known != place:
            self.problems.append(f"session {resume_id} of {known} is gone on with for {place}")

    def fail(self, resume_id: str | None, word: str) -> None:
        """A call fails, which was to go on with a session; after some words the next agent begins anew."""
        session = self.sessions.get(resume_id or "")
        if session is not None and session.has_acted and word in FAILS_OVER:
            self.handed_on[session.place] += 1

    def call(
        self, place: Place, subject: str, resume_id: str, seconds: float, on_act: Callable[[], None], *, is_idle: bool
    ) -> Running:
        """The program of one call; in its session it does what it is asked for once, and then calls `on_act`."""
        session = self.sessions[resume_id]
        talk = stream(f"{self.seed}/talk/{place}").uniform(*TALK_SECONDS)
        acts_at = None if session.has_acted or is_idle else talk + seconds / 2
        running = self.programs.start(place, subject, Course(talk + seconds, acts_at, 0), SPAWN_SECONDS[1])

        def note() -> None:
            session.has_acted = True
            on_act()

        running.on_act = note
        return running


class _Provider:
    """The handlers of one provider process."""

    def __init__(self, agents: Agents, name: str, reach: Callable[[str], None]) -> None:
        self._agents, self._name, self._reach = agents, name, reach
        self._running: dict[str, Running] = {}

    async def run(self, params: AgentRunParams, context: AsyncContext) -> AgentRunResult:
        return await self._call(params, context, None)

    async def resume(self, params: AgentRunParams, context: AsyncContext) -> AgentRunResult:
        return await self._call(params, context, params.session_id)

    def cancel(self, params: AgentCancelParams) -> AgentCancelResult:
        """What runs ends with its own request, which is cancelled as well."""
        return AgentCancelResult(session_id=params.session_id, cancelled=params.session_id in self._running)

    async def _call(self, params: AgentRunParams, context: AsyncContext, resume_id: str | None) -> AgentRunResult:
        call_id = params.control_session_id or ""
        place = _place(params.env)
        chance = stream(f"{self._agents.seed}/{self._name}/{call_id}")
        (fate,) = chance.choices(FATES, [fate.share for fate in FATES])
        if fate.fault is not None and not fate.has_begun:
            self._agents.fail(resume_id, fate.fault)
            raise _fault(fate.fault, None)
        if resume_id is None:
            resume_id = self._agents.begin(place)
        else:
            self._agents.resume(resume_id, place)
        context.notify(methods.AGENT_SESSION_STARTED, AgentSessionStartedNote(session_id=call_id, resume_id=resume_id))
        context.notify(methods.AGENT_OUTPUT, AgentOutputNote(session_id=call_id, text="I look at it\n", final=False))
        seconds = chance.choice(WORK_SECONDS) * chance.uniform(0.5, 1.5)
        is_idle = fate.fault is not None and chance.random() < 0.5
        subject = params.env["ANIMUS_SUBJECT_ID"]

        def on_act() -> None:
            self._reach(ACT)

        running = self._agents.call(place, subject, resume_id, seconds, on_act, is_idle=is_idle)
        self._running[call_id] = running
        try:
            await asyncio.shield(running.ended)
        finally:
            del self._running[call_id]
            if not running.is_over:
                await unbroken(self._agents.programs.stop(running, chance.uniform(*END_SECONDS)))
        if fate.fault is not None:
            self._agents.fail(resume_id, fate.fault)
            raise _fault(fate.fault, resume_id)
        return AgentRunResult(
            session_id=call_id,
            exit_code=0,
            output="done",
            duration_ms=round(seconds * 1000),
            backend=self._name,
            resume_id=resume_id,
        )


def _place(environment: dict[str, str]) -> Place:
    phase, attempt = environment["ANIMUS_PHASE_ID"], int(environment["ANIMUS_PHASE_ATTEMPT"])
    return Place(environment["ANIMUS_RUN_ID"], phase, attempt)


def _fault(word: str, resume_id: str | None) -> RpcFault:
    data = {"category": "run_failed", **({} if resume_id is None else {"resume_id": resume_id})}
    if word == "turns":
        return RefusedError("the agent stopped at its limit of turns", data=data | {"limit": "turns"})
    if word == "transient":
        return RetriableError("the connection was reset", data=data | {"failure": word})
    return RefusedError(f"the agent failed: {word}", code=ErrorCode.INTERNAL_ERROR, data=data | {"failure": word})


def build_provider(agents: Agents, name: str, reach: Callable[[str], None]) -> Plugin:
    """The plugin of the provider of that name; `reach` is called when its agent has done its work, and may kill it."""
    provider = _Provider(agents, name, reach)
    plugin = Plugin(name, "1.0.0", description="Agents that are simulated.")
    plugin.register_method(methods.AGENT_RUN, provider.run)
    plugin.register_method(methods.AGENT_RESUME, provider.resume)
    plugin.register_method(methods.AGENT_CANCEL, provider.cancel, inline=True)
    plugin.advertise("provider", ProviderCapabilities(tools=[name]))
    return plugin
