"""Carrying out one attempt of any kind of phase, for one pinned workflow."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.interpolation import InterpolationError, filled
from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.agent_phase import AgentWork
from animus_workflow_runner_default.phases.briefing import (
    MissingVariableError,
    context_document,
    dispatch_variables,
    phase_context,
    prior_phases,
)
from animus_workflow_runner_default.phases.command_phase import allowed_programs
from animus_workflow_runner_default.phases.decision import VERDICTS, Decision
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Gated, PhaseOutcome, RunContext
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.worktree import commit_all, commit_message

__all__ = ["PhaseWork"]

OUTPUT_INTERVAL_SECONDS = 0.25
MAX_OUTPUT_LINE_CHARS = 300
_NO_CHANGES = "no_changes_needed"


class PhaseWork:
    """Knows the definitions a run is pinned to and how to carry them out.

    Attributes:
        plan: the plan of the run.
    """

    def __init__(self, services: Services, config: CompiledConfig, plan: Plan) -> None:
        self.plan = plan
        self._services = services
        self._config = config

    def problem(self, run: Run) -> str | None:
        """Why this run could not be carried out, known before its first phase; None if nothing is."""
        try:
            dispatch_variables(self.plan.workflow, run.dispatch)
        except MissingVariableError as error:
            return str(error)
        return None

    def may_repeat(self, attempt: Attempt) -> bool:
        """Whether an attempt that a dead process left open may simply be begun again."""
        phase = self.plan.phase(attempt.path)
        return phase.mode == "manual" or phase.idempotency == "idempotent"

    def backoff_seconds(self, run: Run) -> float:
        """The pause before the phase at the run's position is entered again."""
        if run.position is None or run.rework_context is None:
            return 0.0
        backoff = self.plan.phase(run.position).retry.backoff
        count = run.rework_counts.get(run.position, 0)
        if backoff is None or count == 0:
            return 0.0
        seconds = backoff.initial_secs * backoff.factor ** (count - 1)
        return seconds if backoff.max_secs is None else min(seconds, backoff.max_secs)

    async def perform(
        self,
        run: Run,
        attempt: Attempt,
        attempts: Sequence[Attempt],
        git: Git,
        caller: AgentCaller | None,
        show: Callable[[str], None],
    ) -> PhaseOutcome:
        """Carry out `attempt` and commit what it left, if it advances and its phase writes files."""
        phase = self.plan.phase(attempt.path)
        try:
            context = self.context(run, attempt)
        except MissingVariableError as error:
            return Failed(reason=str(error))
        document = context_document(run, attempt, attempts)
        outcome = await self.run_phase(run, attempt, context, document, attempts, caller, self._throttled(show))
        if isinstance(outcome, Decided) and _advances(outcome.decision):
            return await self._commit(run, phase, outcome, git)
        return outcome

    def context(self, run: Run, attempt: Attempt) -> RunContext:
        """What the attempt is told about its run.

        Raises:
            MissingVariableError: a required variable has no value.
        """
        return phase_context(
            run,
            attempt,
            self.plan.workflow,
            self._config,
            project_root=str(self._services.project_root),
            artifacts=str(self._services.artifacts(run.workflow_id)),
        )

    async def run_phase(
        self,
        run: Run,
        attempt: Attempt,
        context: RunContext,
        document: dict[str, Any],
        attempts: Sequence[Attempt],
        caller: AgentCaller | None,
        show: Callable[[str], None],
    ) -> PhaseOutcome:
        """Carry out one attempt: nothing is committed, nothing is journalled."""
        phase = self.plan.phase(attempt.path)
        custom = [key for key in self.plan.entry(attempt.path).on_verdict if key not in VERDICTS]
        if phase.manual is not None:
            return self._gate(phase, context)
        if phase.command is not None:
            path = self._services.artifacts(run.workflow_id) / context.artifact_name("context.json")
            path.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
            informed = context._replace(environment=context.environment | {"ANIMUS_CONTEXT_FILE": str(path)})
            programs = [item.command.program for item in self._config.phases.values() if item.command is not None]
            return await self._services.commands.run(
                phase.command,
                informed,
                allowed=allowed_programs(self._config.tools_allowlist, programs),
                timeout_seconds=run.dispatch.phase_timeout_seconds,
                custom_verdicts=custom,
            )
        work = self.agent_work(run, attempt, context, document, attempts)
        return await self._services.agents.run(work, caller, show)

    def agent_work(
        self,
        run: Run,
        attempt: Attempt,
        context: RunContext,
        document: dict[str, Any],
        attempts: Sequence[Attempt],
    ) -> AgentWork:
        """The attempt as the agent phase takes it."""
        return AgentWork(
            config=self._config,
            phase=self.plan.phase(attempt.path),
            context=context,
            subject_id=run.subject.id,
            title=run.subject.title,
            description=run.subject.description,
            prior=prior_phases(attempts),
            failure_context=attempt.rework_context,
            dispatch_input=run.dispatch.input,
            document=document,
            custom_verdicts=[key for key in self.plan.entry(attempt.path).on_verdict if key not in VERDICTS],
            tool=run.dispatch.tool,
            model=run.dispatch.model,
            timeout_seconds=run.dispatch.phase_timeout_seconds,
        )

    def gate(self, run: Run, attempt: Attempt) -> Gated | None:
        """The gate of a manual attempt; None if its phase is of another kind."""
        phase = self.plan.phase(attempt.path)
        outcome = self._gate(phase, self.context(run, attempt)) if phase.manual is not None else None
        return outcome if isinstance(outcome, Gated) else None

    def _gate(self, phase: Phase, context: RunContext) -> PhaseOutcome:
        manual = phase.manual
        if manual is None:
            return Failed(reason=f"phase {phase.id!r} has no manual block")
        try:
            instructions = filled(manual.instructions, self._services.environ, context.variables)
        except InterpolationError as error:
            return Failed(reason=str(error))
        return Gated(
            instructions=instructions,
            note_required=manual.approval_note_required,
            timeout_seconds=manual.timeout_secs,
        )

    async def _commit(self, run: Run, phase: Phase, outcome: Decided, git: Git) -> PhaseOutcome:
        """Commit the worktree; a refusal of git or of a hook is a reason for rework, not for going on."""
        capabilities = phase.capabilities
        checkout = run.checkout
        if checkout is None or not (capabilities.writes_files or capabilities.requires_commit):
            return outcome
        metadata: dict[str, Any] = dict(outcome.metadata or {})
        if checkout.worktree is None:
            metadata["commit"] = {"skipped": f"the run works in the project root: {checkout.reason}"}
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

    def _throttled(self, show: Callable[[str], None]) -> Callable[[str], None]:
        """Pass on the latest line, a few times a second at most: a flood must not become a flood of events."""
        last = float("-inf")

        def passed_on(text: str) -> None:
            nonlocal last
            now = self._services.clock.monotonic()
            if now - last >= OUTPUT_INTERVAL_SECONDS:
                last = now
                show(text.strip().splitlines()[-1][:MAX_OUTPUT_LINE_CHARS])

        return passed_on


def _advances(decision: Decision | None) -> bool:
    return decision is None or decision.verdict not in {"rework", "fail", "skip"}


def _says_no_changes(decision: Decision | None) -> bool:
    return decision is not None and any(item.kind == _NO_CHANGES for item in decision.evidence)


def _rework(outcome: Decided, metadata: dict[str, Any], reason: str) -> Decided:
    decision = Decision(verdict="rework", confidence=1.0, reason=reason)
    return Decided(decision=decision, outcome=outcome.outcome, metadata=metadata)
