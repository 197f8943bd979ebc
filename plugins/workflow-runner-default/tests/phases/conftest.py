"""Agents that answer from a script at the seam, and attempts to call them in."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from animus_workflow_runner_default.authoring.loading import load
from animus_workflow_runner_default.phases.agent import (
    AgentCallError,
    AgentListener,
    AgentReply,
    AgentRequest,
    CallFacts,
)
from animus_workflow_runner_default.phases.agent_book import AgentBook
from animus_workflow_runner_default.phases.agent_phase import AgentPhase
from animus_workflow_runner_default.phases.agent_state import AgentState, Response
from animus_workflow_runner_default.phases.agent_work import AgentWork
from animus_workflow_runner_default.phases.outcome import PhaseOutcome, RunContext

SESSION = "agent-session"


class Killed(BaseException):
    """The runner dies here."""


class ScriptedAgent:
    """Answers each call with the next step: a text, an error, or a function of (request, listener, agent)."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.asked: list[AgentRequest] = []
        self.responses: list[tuple[str, Response]] = []
        self.answered = asyncio.Event()

    async def __call__(self, request: AgentRequest, listener: AgentListener) -> AgentReply:
        self.asked.append(request)
        step = self.steps.pop(0)
        if callable(step):
            step = await step(request, listener, self)
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, AgentReply) else said(step)

    async def respond(self, request: AgentRequest, native_id: str, response: Response) -> bool:
        assert request.session in {asked.session for asked in self.asked}
        self.responses.append((native_id, response))
        self.answered.set()
        return True

    @property
    def targets(self) -> list[str]:
        return [str(request.target) for request in self.asked]


def said(text: str, **more: Any) -> AgentReply:
    return AgentReply(exit_code=0, output=text, errors=[], backend="scripted", **({"resume_id": SESSION} | more))


class Bench:
    """Runs attempts of the phase ``p`` of a file of definitions; what it journals survives the runner."""

    def __init__(self, tmp_path: Path, clock: Any) -> None:
        self.clock = clock
        self._root = tmp_path
        self.kept: AgentState | None = AgentState()
        self.pages: list[AgentState] = []
        self.phase = AgentPhase(clock, {})
        self.book: AgentBook | None = None
        self.lines: list[str] = []
        self.config: Any = None

    def define(self, text: str) -> None:
        folder = self._root / ".animus"
        folder.mkdir(exist_ok=True)
        (folder / "workflows.yaml").write_text(text + "\nworkflows: [{id: w, phases: [p]}]\n")
        loaded = load(self._root, [], {})
        assert not [found for found in loaded.diagnostics if found.severity == "error"], loaded.diagnostics
        self.config = loaded.config

    def work(self, **more: Any) -> AgentWork:
        context = RunContext(
            run_id="r",
            path="p",
            phase_id="p",
            attempt=1,
            project_root=str(self._root),
            execution_cwd=str(self._root),
            artifacts=str(self._root),
            variables={},
            environment={"ANIMUS_RUN_ID": "r"},
            secrets={},
        )
        fields: dict[str, Any] = {
            "config": self.config,
            "phase": self.config.phases["p"],
            "context": context,
            "subject_id": "task:T",
            "title": "title",
            "description": "",
            "prior": (),
            "failure_context": None,
            "dispatch_input": None,
            "document": {},
            "custom_verdicts": (),
            "tool": None,
            "model": None,
            "timeout_seconds": None,
        }
        return AgentWork(**(fields | more))

    async def keep(self, state: AgentState) -> None:
        self.kept = msgspec.json.decode(msgspec.json.encode(state), type=AgentState)
        self.pages.append(self.kept)

    async def go(self, agent: ScriptedAgent, **more: Any) -> PhaseOutcome | None:
        """One process's try at the attempt; None if it died."""
        self.book = AgentBook(self.kept, self.keep, self.clock)
        with contextlib.suppress(Killed):
            return await self.phase.run(self.work(**more), agent, self.lines.append, self.book)
        return None

    def run(self, *steps: Any, **more: Any) -> tuple[PhaseOutcome | None, ScriptedAgent]:
        agent = ScriptedAgent(*steps)
        return asyncio.run(self.go(agent, **more)), agent

    @property
    def failures(self) -> list[str | None]:
        assert self.kept is not None
        return [call.failure for call in self.kept.calls]

    @property
    def purposes(self) -> list[str]:
        assert self.kept is not None
        return [call.purpose for call in self.kept.calls]


@pytest.fixture
def bench(tmp_path: Path, clock: Any) -> Bench:
    return Bench(tmp_path, clock)


@pytest.fixture
def scripted() -> type[ScriptedAgent]:
    return ScriptedAgent


@pytest.fixture
def reply() -> Callable[..., AgentReply]:
    return said


@pytest.fixture
def killed() -> type[Killed]:
    return Killed


@pytest.fixture
def error() -> Callable[..., AgentCallError]:
    def make(text: str, failure: str | None = None, **more: Any) -> AgentCallError:
        return AgentCallError(text, CallFacts(failure=failure, **more))

    return make
