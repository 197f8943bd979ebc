"""Agent phases: render the prompt, call agents through the host until one comes to an end, judge its answer.

Each step is decided from the calls in the attempt's page of the journal, so that a process that takes the attempt
over goes on where the one before it stopped.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from animus_process import BoundedCapture
from animus_workflow_runner_default.authoring.interpolation import InterpolationError, resolve_environment
from animus_workflow_runner_default.authoring.mcp import defined_servers
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.agent_book import AgentBook
from animus_workflow_runner_default.phases.agent_call import TIMED_OUT, call_agent
from animus_workflow_runner_default.phases.agent_dialogue import Dialogue
from animus_workflow_runner_default.phases.agent_request import CallText, Requests, rendered_prompt
from animus_workflow_runner_default.phases.agent_state import AgentCall
from animus_workflow_runner_default.phases.agent_stream import TAIL_BYTES, AgentStream
from animus_workflow_runner_default.phases.agent_targets import agent_targets, merged_runtime
from animus_workflow_runner_default.phases.agent_tries import GiveUp, Try, TryRules, Uncertain
from animus_workflow_runner_default.phases.agent_usage import usage_of_calls
from animus_workflow_runner_default.phases.agent_work import AgentWork
from animus_workflow_runner_default.phases.fitting import fitting
from animus_workflow_runner_default.phases.follow_up import follow_up_text
from animus_workflow_runner_default.phases.interaction import Desk
from animus_workflow_runner_default.phases.judge import evaluator
from animus_workflow_runner_default.phases.mcp_token import TokenError, Tokens
from animus_workflow_runner_default.phases.observation import ToolRecord
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Interrupted, PhaseOutcome, safe_name
from animus_workflow_runner_default.phases.prompt import Prompt
from animus_workflow_runner_default.phases.provider_error import FAILS_OVER, INTERRUPTED
from animus_workflow_runner_default.phases.suppression import Suppression
from animus_workflow_runner_default.phases.working_time import WorkingTime

__all__ = ["AgentPhase", "AgentWork"]

DEFAULT_TIMEOUT_SECONDS = 1_800


class AgentPhase:
    """Runs agent phases; one instance serves all runs.

    Attributes:
        suppression: the targets that failed lately in a way that lasts.
    """

    def __init__(
        self, clock: Clock, environ: Mapping[str, str] | None = None, suppression: Suppression | None = None
    ) -> None:
        self._clock = clock
        self._environ = os.environ if environ is None else environ
        self._tokens = Tokens(clock)
        self.suppression = Suppression(clock) if suppression is None else suppression

    def prompt(self, work: AgentWork) -> Prompt:
        """The prompt of an attempt.

        Raises:
            InterpolationError: a definition names an environment variable that is not set.
        """
        return rendered_prompt(work, self._environ)

    async def run(
        self,
        work: AgentWork,
        caller: AgentCaller | None,
        on_line: Callable[[str], None],
        book: AgentBook | None = None,
    ) -> PhaseOutcome:
        """Run one attempt, or go on with it, all within the phase's time.

        Args:
            work: the attempt.
            caller: None where the host does not let plugins call other plugins.
            on_line: shown while the agent works.
            book: the attempt's page of the journal; None where nothing is journalled.
        """
        if caller is None:
            return Failed(
                reason=f"phase {work.phase.id!r} needs an agent, and this host does not offer host_calls "
                "(init_extensions.host_calls): use a host that does, or a command phase"
            )
        page = AgentBook(None, None, self._clock) if book is None else book
        page.redactor = work.context.redactor
        await self.suppression.recall()
        await page.end_open_call(INTERRUPTED, "the runner ended during the call")
        try:
            work, bearers = await self._signed_in(work)
        except (InterpolationError, TokenError) as error:
            return Failed(reason=str(error))
        page.redactor = work.context.redactor
        log = Path(work.context.artifacts, work.context.artifact_name("log"))
        limit = self._limit(work)
        time = WorkingTime(limit or None, self._clock)
        record = self._record(work)
        try:
            with record, BoundedCapture(log, TAIL_BYTES) as capture:
                stream = AgentStream(capture, on_line, work.context.redactor, record)
                with contextlib.closing(stream):
                    outcome = await time.bound(_Session(self, work, caller, page, stream, time, bearers).hold())
        except TimeoutError:
            await page.end_open_call(TIMED_OUT, f"the phase's {limit} s were over")
            outcome = Failed(reason=f"agent phase {work.phase.id!r} ran longer than {limit} s")
        except InterpolationError as error:
            outcome = Failed(reason=str(error))
        except NoTargetError as error:
            outcome = Failed(reason=f"agent phase {work.phase.id!r} has nobody to play its agent: {error}")
        return _with_facts(outcome, page, log, record)

    async def _signed_in(self, work: AgentWork) -> tuple[AgentWork, dict[str, str]]:
        """The attempt, and the tokens for its MCP servers, which are masked like its secrets."""
        agent, context = work.config.agents.get(work.phase.agent or ""), work.context
        servers = defined_servers(work.config, work.phase.id, agent)
        bearers = await self._tokens.bearers(
            servers, lambda text: resolve_environment(text, self._environ, context.secrets)
        )
        return work._replace(context=context._replace(redactor=context.redactor.also(bearers.values()))), bearers

    def _record(self, work: AgentWork) -> ToolRecord:
        agent, context = work.config.agents.get(work.phase.agent or ""), work.context
        path = Path(context.artifacts, context.artifact_name("hooks.jsonl"))
        return ToolRecord(None if agent is None else agent.hooks, path, self._clock, context.redactor)

    def _limit(self, work: AgentWork) -> int:
        runtime = merged_runtime(work.phase, work.config.agents.get(work.phase.agent or ""))
        if work.timeout_seconds is not None:
            return work.timeout_seconds
        return DEFAULT_TIMEOUT_SECONDS if runtime.timeout_secs is None else runtime.timeout_secs

    @property
    def clock(self) -> Clock:
        """What times the calls."""
        return self._clock

    @property
    def environ(self) -> Mapping[str, str]:
        """Where references of definitions are resolved."""
        return self._environ


class NoTargetError(Exception):
    """Every target is left out; the text says why each."""


class _Session:
    """The calls of one attempt, one after the other."""

    def __init__(
        self,
        phase: AgentPhase,
        work: AgentWork,
        caller: AgentCaller,
        book: AgentBook,
        stream: AgentStream,
        time: WorkingTime,
        bearers: dict[str, str],
    ) -> None:
        self._phase = phase
        self._work = work
        self._caller = caller
        self._book = book
        self._stream = stream
        self._time = time
        agent = work.config.agents.get(work.phase.agent or "")
        runtime = merged_runtime(work.phase, agent)
        targets = agent_targets(work.config, work.phase, runtime, tool=work.tool, model=work.model)
        rules = TryRules.of(runtime, may_restart=work.may_restart)
        self._prompt = phase.prompt(work)
        found = fitting(work, targets, self._prompt)
        for line in found.left_out:
            stream.take("error", line)
        if not found.targets:
            raise NoTargetError("; ".join(found.left_out))
        ordered = phase.suppression.ordered(found.targets)
        self._dialogue = Dialogue(work.phase, work.custom_verdicts, ordered, rules, runtime.max_continuations)
        self._requests = Requests(work, runtime, phase.environ, bearers)
        policy = None if agent is None else agent.approval_policy
        self._desk = Desk(book, caller, phase.clock, policy, evaluator(phase, work, caller, policy), time)

    async def hold(self) -> PhaseOutcome:
        """Call until there is an outcome."""
        while True:
            step = self._dialogue.next_step(self._book.state)
            match step:
                case Try():
                    passed = self._over_budget()
                    if passed is not None:
                        return Failed(reason=passed, is_over_budget=True)
                    await self._call(step)
                case Uncertain(reason=reason):
                    return Interrupted(reason=reason)
                case GiveUp(reason=reason):
                    return Failed(reason=f"agent phase {self._work.phase.id!r} failed: {reason}")
                case _:
                    return step

    def _over_budget(self) -> str | None:
        calls = self._book.state.calls
        return self._work.over_budget(usage_of_calls(calls)) if calls else None

    async def _call(self, step: Try) -> None:
        if step.delay_seconds:
            await self._phase.clock.sleep(step.delay_seconds)
        text = self._text(step)
        call = AgentCall(
            session=text.session,
            target=step.target,
            purpose=step.purpose,
            started_at=self._book.now(),
            number=step.number,
            resume_id=step.resume_id,
        )
        request = self._requests.request(text)._replace(is_bounded=True)
        ended = await call_agent(call, request, self._caller, self._book, self._desk, self._stream)
        suppression = self._phase.suppression
        if ended.is_clean:
            await suppression.lift(step.target)
        elif ended.failure in FAILS_OVER and not ended.is_refused:
            await suppression.suppress(step.target, ended.retry_after_seconds)
        elif ended.failure == TIMED_OUT:
            raise TimeoutError

    def _text(self, step: Try) -> CallText:
        work = self._work
        if step.purpose == "run":
            prompt = self._prompt.text
        else:
            findings = self._dialogue.findings(self._book.state)
            prompt = follow_up_text(step.purpose, work.phase, work.custom_verdicts, findings)
        context = work.context
        number = len(self._book.state.calls) + 1
        return CallText(
            session=f"{context.run_id}.{safe_name(context.path)}.{context.attempt}.{number}",
            target=step.target,
            prompt=prompt,
            system_prompt=self._prompt.system,
            resume_id=step.resume_id,
            timeout_seconds=self._time.whole_left(),
        )


def _with_facts(outcome: PhaseOutcome, book: AgentBook, log: Path, record: ToolRecord) -> PhaseOutcome:
    """The outcome with what is to be known about its calls."""
    if not isinstance(outcome, Decided | Failed):
        return outcome
    calls = book.state.calls
    last = book.state.last
    facts: dict[str, Any] = {
        **({"log_file": str(log)} if log.exists() else {}),
        "targets": [_target_row(call) for call in calls],
        **record.facts,
    }
    if last is not None and last.is_clean:
        facts |= {"session_id": last.resume_id, "backend": last.backend, "tokens": last.tokens}
    return msgspec.structs.replace(outcome, metadata=facts | (outcome.metadata or {}), usage=usage_of_calls(calls))


def _target_row(call: AgentCall) -> dict[str, Any]:
    row = {"tool": call.target.tool, "model": call.target.model, "attempt": call.number, "purpose": call.purpose}
    return row if call.failure is None else row | {"failure": call.failure}
