"""What follows an attempt's work before it is routed: a commit of what it wrote, its evals, a hint where it failed."""

import functools
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.record import Checkout, Run
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.command_phase import allowed_programs
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.evals import Evaluation, with_evals
from animus_workflow_runner_default.phases.judge import judge
from animus_workflow_runner_default.phases.outcome import Decided, Failed, PhaseOutcome, RunContext
from animus_workflow_runner_default.phases.redaction import Redactor
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.hints import hint
from animus_workflow_runner_default.repository.worktree import commit_all, commit_message

__all__ = ["Completion", "completed", "programs_of"]

_NO_CHANGES = "no_changes_needed"


def programs_of(config: CompiledConfig) -> frozenset[str]:
    """The programs that commands of these definitions may start."""
    commands = [phase.command.program for phase in config.phases.values() if phase.command is not None]
    checks = [
        check.command
        for phase in config.phases.values()
        for check in (phase.evals.checks if phase.evals is not None else ())
        if check.command is not None
    ]
    return allowed_programs(config.tools_allowlist, [*commands, *checks])


class Completion(NamedTuple):
    """The attempt that is completed, and what that is done with."""

    run: Run
    phase: Phase
    context: RunContext
    config: CompiledConfig
    services: Services
    git: Git
    caller: AgentCaller | None


async def completed(outcome: PhaseOutcome, work: Completion) -> PhaseOutcome:
    """The outcome with everything done that belongs to it."""
    return without_secrets(await _completed(outcome, work), work.context.redactor)


def without_secrets(outcome: PhaseOutcome, redactor: Redactor) -> PhaseOutcome:
    """The outcome without the values of secrets, wherever an agent or a program put one."""
    return redactor.struct(outcome)


async def _completed(outcome: PhaseOutcome, work: Completion) -> PhaseOutcome:
    run, phase, context, services = work.run, work.phase, work.context, work.services
    if isinstance(outcome, Failed):
        return _hinted_failure(outcome, run.checkout)
    if not isinstance(outcome, Decided):
        return outcome
    if outcome.decision is not None and outcome.decision.verdict in {"rework", "fail", "skip"}:
        return _hinted(outcome, outcome.decision, run.checkout)
    outcome = await _committed(run, phase, outcome, work.git, context)
    if phase.evals is None or (outcome.decision is not None and outcome.decision.verdict != "advance"):
        return outcome
    evaluation = Evaluation(
        run=run,
        config=work.config,
        phase=phase,
        context=context,
        commands=services.commands,
        allowed=programs_of(work.config),
        caller=work.caller,
        clock=services.clock,
        judge=functools.partial(judge, services.agents),
    )
    return await with_evals(outcome, phase.evals, evaluation)


def _hinted(outcome: Decided, decision: Decision, checkout: Checkout | None) -> Decided:
    said = None if checkout is None or checkout.worktree is None else hint(checkout.missing, decision.reason)
    if said is None:
        return outcome
    decision = msgspec.structs.replace(decision, reason=f"{decision.reason}\n{said}")
    return msgspec.structs.replace(outcome, decision=decision)


def _hinted_failure(outcome: Failed, checkout: Checkout | None) -> Failed:
    said = None if checkout is None or checkout.worktree is None else hint(checkout.missing, outcome.reason)
    return outcome if said is None else msgspec.structs.replace(outcome, reason=f"{outcome.reason}\n{said}")


async def _committed(run: Run, phase: Phase, outcome: Decided, git: Git, context: RunContext) -> Decided:
    """Commit the worktree; a refusal of git or of a hook is a reason for rework, not for going on."""
    capabilities = phase.capabilities
    checkout = run.checkout
    if checkout is None or not (capabilities.writes_files or capabilities.requires_commit):
        return outcome
    metadata: dict[str, Any] = dict(outcome.metadata or {})
    if checkout.worktree is None or context.execution_cwd != checkout.cwd:
        why = checkout.reason or "the phase has worktree: skip"
        metadata["commit"] = {"skipped": f"the phase works in the project root: {why}"}
        return msgspec.structs.replace(outcome, metadata=metadata)
    proposed = None if outcome.decision is None else outcome.decision.commit_message
    message = commit_message(proposed, run.subject.id, run.subject.title, phase.id)
    try:
        commit = await commit_all(git, checkout, message)
        tip = await git.commit_of(checkout.worktree, "HEAD")
    except GitError as error:
        return _rework(outcome, metadata, f"the changes could not be committed: {error}")
    if capabilities.enforce_product_changes and tip == checkout.base and not _says_no_changes(outcome.decision):
        return _rework(
            outcome,
            metadata,
            f"the phase has to change the project and changed nothing; if that is right, say so with evidence "
            f"of kind {_NO_CHANGES!r}",
        )
    metadata["commit"] = {"commit": commit} if commit else {"skipped": "nothing had changed"}
    return msgspec.structs.replace(outcome, metadata=metadata)


def _says_no_changes(decision: Decision | None) -> bool:
    return decision is not None and any(item.kind == _NO_CHANGES for item in decision.evidence)


def _rework(outcome: Decided, metadata: dict[str, Any], reason: str) -> Decided:
    decision = Decision(verdict="rework", confidence=1.0, reason=reason)
    return msgspec.structs.replace(outcome, decision=decision, metadata=metadata)
