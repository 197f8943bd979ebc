"""Agent phases: render the prompt, call an agent through the host, read the decision out of its answer."""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from animus_process import BoundedCapture
from animus_workflow_runner_default.authoring.interpolation import InterpolationError, filled, resolve_environment
from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase, Runtime
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.phases.agent import (
    DEFAULT_MAX_ATTEMPTS,
    MAX_ATTEMPTS,
    AgentCaller,
    AgentCallError,
    AgentReply,
    AgentRequest,
    AgentTarget,
    agent_targets,
    merged_runtime,
)
from animus_workflow_runner_default.phases.agent_answer import judge_answer
from animus_workflow_runner_default.phases.failure import excerpt
from animus_workflow_runner_default.phases.outcome import Failed, PhaseOutcome, RunContext
from animus_workflow_runner_default.phases.prompt import PriorPhase, Prompt, PromptInput, render_prompt
from animus_workflow_runner_default.phases.provider_error import classify, may_retry, retry_delay_seconds

__all__ = ["AgentPhase", "AgentWork"]

DEFAULT_TIMEOUT_SECONDS = 1_800
TAIL_BYTES = 4 * 1024 * 1024
"""How much of a streamed answer is kept to be judged; all of it goes to the log."""
ERROR_EXCERPT_CHARS = 8_000


class AgentWork(NamedTuple):
    """One attempt of an agent phase."""

    config: CompiledConfig
    phase: Phase
    context: RunContext
    subject_id: str
    title: str
    description: str
    prior: Sequence[PriorPhase]
    failure_context: str | None
    dispatch_input: Any
    document: dict[str, Any]
    """What the agent finds at ``ANIMUS_CONTEXT_FILE``."""
    custom_verdicts: Sequence[str]
    tool: str | None
    model: str | None
    timeout_seconds: int | None


class _TargetFailedError(Exception):
    """One call of one target failed."""


class AgentPhase:
    """Runs agent phases; one instance serves all runs."""

    def __init__(self, clock: Clock, environ: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._environ = os.environ if environ is None else environ

    def prompt(self, work: AgentWork) -> Prompt:
        """The prompt of an attempt.

        Raises:
            InterpolationError: a definition names an environment variable that is not set.
        """
        agent = work.config.agents.get(work.phase.agent or "")

        def fill(template: str | None) -> str:
            return filled(template or "", self._environ, work.context.variables)

        return render_prompt(
            PromptInput(
                phase=work.phase,
                agent=agent,
                directive=fill(work.phase.directive or work.phase.description),
                system_prompts=[fill(None if agent is None else agent.system_prompt), fill(work.phase.system_prompt)],
                subject_id=work.subject_id,
                title=work.title,
                description=work.description,
                prior=work.prior,
                failure_context=work.failure_context,
                dispatch_input=work.dispatch_input,
                custom_verdicts=work.custom_verdicts,
            )
        )

    async def run(self, work: AgentWork, caller: AgentCaller | None, on_line: Callable[[str], None]) -> PhaseOutcome:
        """Run one attempt: targets in order, each with its retries, all within the phase's time.

        Args:
            work: the attempt.
            caller: None where the host does not let plugins call other plugins.
            on_line: shown while the agent works.
        """
        if caller is None:
            return Failed(
                reason=f"phase {work.phase.id!r} needs an agent, and this host does not offer host_calls "
                "(init_extensions.host_calls): use a host that does, or a command phase"
            )
        runtime = merged_runtime(work.phase, work.config.agents.get(work.phase.agent or ""))
        limit = work.timeout_seconds
        if limit is None:
            limit = DEFAULT_TIMEOUT_SECONDS if runtime.timeout_secs is None else runtime.timeout_secs
        log = Path(work.context.artifacts, work.context.artifact_name("log"))
        metadata: dict[str, Any] = {"log_file": str(log), "targets": []}
        try:
            prompt = self.prompt(work)
            with BoundedCapture(log, TAIL_BYTES) as capture:
                async with self._clock.timeout(limit or None):
                    stream = _Stream(capture, on_line)
                    reply = await self._ask(work, prompt, runtime, caller, stream, metadata, limit)
        except TimeoutError:
            return Failed(reason=f"agent phase {work.phase.id!r} ran longer than {limit} s", metadata=metadata)
        except InterpolationError as error:
            return Failed(reason=str(error), metadata=metadata)
        except _TargetFailedError as error:
            return Failed(reason=str(error), metadata=metadata)
        metadata |= {"session_id": reply.session_id, "backend": reply.backend, "tokens": reply.tokens}
        answer = reply.output or stream.answer()
        return judge_answer(work.phase, answer, reply.decision, metadata, work.custom_verdicts)

    async def _ask(
        self,
        work: AgentWork,
        prompt: Prompt,
        runtime: Runtime,
        caller: AgentCaller,
        stream: "_Stream",
        metadata: dict[str, Any],
        limit: int,
    ) -> AgentReply:
        problem = ""
        targets = agent_targets(work.config, work.phase, runtime, tool=work.tool, model=work.model)
        for target in targets:
            request = self._request(work, prompt, runtime, target, limit)
            attempts = max(1, min(runtime.max_attempts or DEFAULT_MAX_ATTEMPTS, MAX_ATTEMPTS))
            for number in range(1, attempts + 1):
                metadata["targets"].append({"tool": target.tool, "model": target.model, "attempt": number})
                stream.restart()
                try:
                    return await _call(caller, request, stream)
                except _TargetFailedError as error:
                    problem = str(error)
                token = classify(problem)
                metadata["targets"][-1]["failure"] = token
                if number == attempts or not may_retry(token, runtime.retry_on, runtime.no_retry_on):
                    break
                await self._clock.sleep(retry_delay_seconds(number))
            if classify(problem) not in {"provider_exhaustion", "target_unavailable"}:
                break
        raise _TargetFailedError(f"agent phase {work.phase.id!r} failed: {problem}")

    def _request(
        self, work: AgentWork, prompt: Prompt, runtime: Runtime, target: AgentTarget, limit: int
    ) -> AgentRequest:
        tool = work.config.tools.get(target.tool or "")
        environment = dict(work.context.environment)
        program: tuple[str, list[str]] | None = None
        if tool is not None:

            def fill(text: str) -> str:
                return resolve_environment(text, self._environ, work.context.secrets)

            program = (fill(tool.executable), [*map(fill, tool.base_args), *map(fill, runtime.extra_args)])
            environment |= {name: fill(value) for name, value in tool.env.items()}
        return AgentRequest(
            run_id=work.context.run_id,
            target=target,
            program=program,
            prompt=prompt.text,
            system_prompt=prompt.system,
            cwd=work.context.execution_cwd,
            project_root=work.context.project_root,
            environment=environment,
            timeout_seconds=limit or None,
            context=work.document,
            runtime=runtime,
            response_schema=work.phase.output_json_schema,
        )


class _Stream:
    """What an agent shows: everything into the log, its answer kept, whole lines passed on."""

    def __init__(self, log: BoundedCapture, on_line: Callable[[str], None]) -> None:
        self._log = log
        self._on_line = on_line
        self._answer: deque[str] = deque()
        self._answer_chars = 0

    def restart(self) -> None:
        """Begin a new call: what an earlier one said is no answer any more."""
        self._answer.clear()
        self._answer_chars = 0

    def answer(self) -> str:
        """The text the agent streamed as its answer."""
        return "".join(self._answer)

    def take(self, kind: str, text: str) -> None:
        """One piece of the stream."""
        prefix = "" if kind == "output" else f"[{kind}] "
        end = "" if kind == "output" or text.endswith("\n") else "\n"
        self._log.write(f"{prefix}{text}{end}".encode("utf-8", "replace"))
        if kind == "output":
            self._answer.append(text)
            self._answer_chars += len(text)
            while self._answer_chars > TAIL_BYTES and len(self._answer) > 1:
                self._answer_chars -= len(self._answer.popleft())
        if text.strip():
            self._on_line(text)


async def _call(caller: AgentCaller, request: AgentRequest, stream: _Stream) -> AgentReply:
    try:
        reply = await caller(request, stream.take)
    except AgentCallError as error:
        raise _TargetFailedError(str(error)) from error
    if reply.exit_code != 0:
        said = "\n".join(reply.errors) or reply.output or stream.answer()
        shown = excerpt(said, ERROR_EXCERPT_CHARS) or "it said nothing"
        raise _TargetFailedError(f"the agent exited with code {reply.exit_code}: {shown}")
    return reply
