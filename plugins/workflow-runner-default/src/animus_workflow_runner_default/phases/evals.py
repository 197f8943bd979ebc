"""The quality gate after an advancing phase: checks that have to pass before the run goes on."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.evals import REPOSITORY_ROOT
from animus_workflow_runner_default.authoring.model import Command, CompiledConfig, EvalCheck, Evals, Phase
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.journal.record import Check, Run, Usage
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.agent_usage import total_usage
from animus_workflow_runner_default.phases.command_phase import CommandPhase
from animus_workflow_runner_default.phases.failure import excerpt
from animus_workflow_runner_default.phases.outcome import Decided, Failed, RunContext
from animus_workflow_runner_default.phases.place import PlaceError, file_inside

__all__ = ["Evaluation", "Judge", "JudgeRequest", "JudgeVerdict", "with_evals"]

MAX_DETAIL_CHARS = 2_000
MAX_SAID_CHARS = 8_000
MAX_SEARCHED_BYTES = 8 * 1024 * 1024
"""How much of a file a ``regex`` check looks at."""


class JudgeRequest(NamedTuple):
    """What an ``llm_judge`` check asks an agent about."""

    run: Run
    config: CompiledConfig
    phase: Phase
    check: EvalCheck
    context: RunContext
    said: str
    """What the judged phase answered or printed, its end, bounded."""
    caller: AgentCaller | None


class JudgeVerdict(NamedTuple):
    """What the agent said about it."""

    passed: bool
    text: str
    usage: Usage | None = None


Judge = Callable[[JudgeRequest], Awaitable[JudgeVerdict]]


class Evaluation(NamedTuple):
    """The attempt that is judged, and what checks are made with."""

    run: Run
    config: CompiledConfig
    phase: Phase
    context: RunContext
    commands: CommandPhase
    allowed: frozenset[str]
    caller: AgentCaller | None
    clock: Clock
    judge: Judge


async def with_evals(outcome: Decided, evals: Evals, evaluation: Evaluation) -> Decided:
    """The outcome with the result of every check; `eval_failure` says why it may not advance, if it may not."""
    checks = [await _check(check, outcome, evaluation) for check in evals.checks]
    usage = total_usage(part for part in (outcome.usage, *(check.usage for check in checks)) if part is not None)
    passed = sum(check.passed for check in checks)
    failure: str | None = None
    if passed / len(checks) < evals.pass_threshold:
        lines = [f"{check.id} ({check.kind}): {check.detail}" for check in checks if not check.passed]
        share = f"{passed} of {len(checks)} checks passed, {evals.pass_threshold:g} of them have to"
        failure = "\n".join([f"evals of phase {evaluation.phase.id!r} failed: {share}", *lines])
    return msgspec.structs.replace(outcome, checks=checks, usage=usage, eval_failure=failure)


async def _check(check: EvalCheck, outcome: Decided, evaluation: Evaluation) -> Check:
    began = evaluation.clock.monotonic()
    usage: Usage | None = None
    match check.kind:
        case "command":
            passed, detail = await _by_command(check, evaluation)
        case "regex":
            passed, detail = _by_pattern(check, outcome, evaluation.context)
        case "llm_judge":
            verdict = await evaluation.judge(
                JudgeRequest(
                    run=evaluation.run,
                    config=evaluation.config,
                    phase=evaluation.phase,
                    check=check,
                    context=_own_context(check, evaluation.context),
                    said=excerpt(_said(outcome), MAX_SAID_CHARS),
                    caller=evaluation.caller,
                )
            )
            passed, detail, usage = verdict.passed, verdict.text, verdict.usage
    return Check(
        id=check.id,
        kind=check.kind,
        passed=passed,
        detail=excerpt(detail, MAX_DETAIL_CHARS),
        duration_seconds=round(evaluation.clock.monotonic() - began, 3),
        usage=usage,
    )


def _own_context(check: EvalCheck, context: RunContext) -> RunContext:
    """The attempt's context with files of the check's own."""
    return context._replace(path=f"{context.path}.eval-{check.id}")


async def _by_command(check: EvalCheck, evaluation: Evaluation) -> tuple[bool, str]:
    place = (check.working_dir or "").removeprefix(REPOSITORY_ROOT).lstrip("/")
    command = Command(
        program=check.command or "",
        args=check.args,
        cwd_mode="path" if place else "project_root",
        cwd_path=place or None,
        timeout_secs=check.timeout_secs,
        success_exit_codes=[check.expected_exit],
    )
    context = _own_context(check, evaluation.context)
    outcome = await evaluation.commands.run(command, context, allowed=evaluation.allowed)
    if isinstance(outcome, Failed):
        return False, outcome.reason
    decision = outcome.decision if isinstance(outcome, Decided) else None
    if decision is None:
        return False, "it did not end"
    if decision.verdict == "advance":
        return True, decision.reason
    return False, f"{decision.reason}\n(expected exit code {check.expected_exit})"


def _by_pattern(check: EvalCheck, outcome: Decided, context: RunContext) -> tuple[bool, str]:
    text, where = _said(outcome), "what the phase said"
    if check.file is not None:
        where = check.file
        try:
            with file_inside(check.file, execution_root=context.execution_cwd).open("rb") as stream:
                text = stream.read(MAX_SEARCHED_BYTES).decode("utf-8", "replace")
        except (OSError, PlaceError) as error:
            return False, f"{check.file!r} cannot be read: {error}"
    found = re.search(check.pattern or "", text, re.MULTILINE)
    verb = "is found" if found else "is not found"
    return (found is not None) is check.must_match, f"the pattern {check.pattern!r} {verb} in {where}"


def _said(outcome: Decided) -> str:
    """What the phase answered, else everything it printed."""
    body = json_object(outcome.outcome) or {}
    if body.get("answer"):
        return str(body["answer"])
    files = json_object(outcome.metadata) or {}
    printed = [_printed(files.get(name)) for name in ("stdout_file", "stderr_file")]
    return "\n".join(part for part in printed if part)


def _printed(name: object) -> str:
    if not isinstance(name, str):
        return ""
    try:
        with Path(name).open("rb") as stream:
            return stream.read(MAX_SEARCHED_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
