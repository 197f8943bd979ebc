"""Carrying out one attempt of any kind of phase, for one pinned workflow."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.interpolation import InterpolationError, filled
from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase, Retention, secret_variables
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.budget import broken_off, spent_so_far
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.record import Attempt, Run, Usage
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.agent_book import AgentBook
from animus_workflow_runner_default.phases.agent_work import AgentWork
from animus_workflow_runner_default.phases.briefing import (
    MissingVariableError,
    context_document,
    dispatch_variables,
    phase_context,
    prior_phases,
)
from animus_workflow_runner_default.phases.command_contract import held_to_contract
from animus_workflow_runner_default.phases.completion import Completion, completed, programs_of
from animus_workflow_runner_default.phases.decision import VERDICTS
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Gated, PhaseOutcome, RunContext
from animus_workflow_runner_default.phases.phase_routing import routed
from animus_workflow_runner_default.phases.preconditions import daily_limit, missing_secret, usable_secrets
from animus_workflow_runner_default.phases.recollection import Recollection
from animus_workflow_runner_default.phases.redaction import Redactor, secret_values
from animus_workflow_runner_default.repository.git import Git

__all__ = ["Contact", "PhaseWork"]

OUTPUT_INTERVAL_SECONDS = 0.25
MAX_OUTPUT_LINE_CHARS = 300


class Contact(NamedTuple):
    """Whom a phase reaches while it works."""

    caller: AgentCaller | None
    """Agents; None where the host does not offer that."""
    show: Callable[[str], None]
    """Whoever watches."""
    book: AgentBook | None
    """The attempt's page of the journal; None where nothing is journalled."""


class PhaseWork:
    """Knows the definitions a run is pinned to and how to carry them out.

    Attributes:
        plan: the plan of the run.
    """

    def __init__(self, services: Services, config: CompiledConfig, plan: Plan) -> None:
        self.plan = plan
        self._services = services
        self._config = config
        self._recollection = Recollection(services.journal, config)
        self._redactor = Redactor(secret_values(secret_variables(config), services.environ))

    @property
    def retention(self) -> Retention:
        """How long what runs leave behind is kept."""
        return self._config.retention

    def problem(self, run: Run) -> str | None:
        """Why this run could not be carried out, known before its first phase; None if nothing is."""
        try:
            dispatch_variables(self.plan.workflow, run.dispatch)
        except MissingVariableError as error:
            return str(error)
        return missing_secret(self.plan, self._config, self._services.environ)

    async def over_daily_budget(self, run: Run) -> str | None:
        """Why no agent may begin any more today; None if one may. A grant to the run counts here as well."""
        limit = daily_limit(self._config)
        if limit is None or run.position is None or self.plan.phase(run.position).mode != "agent":
            return None
        midnight = self._services.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        cost = await self._services.journal.read(lambda journal: journal.cost_since(timestamp(midnight)))
        if cost <= limit * (1 + run.budget_grants):
            return None
        return f"today's budget is used up: ${cost:.4f} spent since midnight UTC, max_cost_usd_per_day is {limit:g}"

    @property
    def has_daily_budget(self) -> bool:
        """Whether `over_daily_budget` has to be asked."""
        return daily_limit(self._config) is not None

    def may_repeat(self, attempt: Attempt) -> bool:
        """Whether an attempt that a dead process left open may simply be begun again.

        An agent's phase may: its calls are journalled one by one, so it goes on where it stopped, or says itself that
        this cannot be done.
        """
        phase = self.plan.phase(attempt.path)
        return phase.mode == "manual" or phase.idempotency == "idempotent" or attempt.agent is not None

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
        contact: Contact,
    ) -> PhaseOutcome:
        """Carry out `attempt` and commit what it left, if it advances and its phase writes files."""
        phase = self.plan.phase(attempt.path)
        try:
            context = self.context(run, attempt)
        except MissingVariableError as error:
            return Failed(reason=str(error))
        document = context_document(run, attempt, attempts)
        contact = contact._replace(show=self._throttled(contact.show))
        outcome = await self.run_phase(run, attempt, context, document, attempts, contact)
        if isinstance(outcome, Decided) and contact.book is not None:
            outcome = await self._recollection.keep(phase, context, outcome, contact.book)
        work = Completion(run, phase, context, self._config, self._services, git, contact.caller)
        return await completed(outcome, work)

    def context(self, run: Run, attempt: Attempt) -> RunContext:
        """What the attempt is told about its run.

        Raises:
            MissingVariableError: a required variable has no value.
        """
        context = phase_context(
            run,
            attempt,
            self.plan.workflow,
            self._config,
            project_root=str(self._services.project_root),
            artifacts=str(self._services.artifacts(run.workflow_id)),
        )
        secrets = usable_secrets(self._config, self._services.environ)
        context = context._replace(secrets=secrets, redactor=self._redactor)
        return context if self.plan.uses_worktree(attempt.path) else _in_project(context)

    async def run_phase(
        self,
        run: Run,
        attempt: Attempt,
        context: RunContext,
        document: dict[str, Any],
        attempts: Sequence[Attempt],
        contact: Contact,
    ) -> PhaseOutcome:
        """Carry out one attempt: nothing is committed, nothing is journalled."""
        phase = self.plan.phase(attempt.path)
        custom = self._custom_verdicts(attempt.path)
        if phase.manual is not None:
            return self._gate(phase, context)
        if phase.command is not None:
            path = self._services.artifacts(run.workflow_id) / context.artifact_name("context.json")
            path.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
            informed = context._replace(environment=context.environment | {"ANIMUS_CONTEXT_FILE": str(path)})
            outcome = await self._services.commands.run(
                phase.command,
                informed,
                allowed=programs_of(self._config),
                timeout_seconds=run.dispatch.phase_timeout_seconds,
                custom_verdicts=custom,
            )
            return held_to_contract(phase, outcome, custom)
        work = self.agent_work(run, attempt, context, document, attempts)
        work = await self.recalled(work)
        return await self._services.agents.run(work, contact.caller, contact.show, contact.book)

    async def recalled(self, work: AgentWork) -> AgentWork:
        """The work with what its agent remembers, and what was written to it."""
        return await self._recollection.recalled(work)

    def agent_work(
        self,
        run: Run,
        attempt: Attempt,
        context: RunContext,
        document: dict[str, Any],
        attempts: Sequence[Attempt],
    ) -> AgentWork:
        """The attempt as the agent phase takes it."""

        def over_budget(used: Usage | None) -> str | None:
            return broken_off(self.plan, run, attempt.path, attempts, spent_so_far(used))

        return AgentWork(
            config=self._config,
            phase=routed(self.plan.phase(attempt.path), self._config, run.dispatch.phase_routing),
            context=context,
            subject_id=run.subject.id,
            title=run.subject.title,
            description=run.subject.description,
            prior=prior_phases(attempts),
            failure_context=attempt.rework_context,
            dispatch_input=run.dispatch.input,
            document=document,
            custom_verdicts=self._custom_verdicts(attempt.path),
            tool=run.dispatch.tool,
            model=run.dispatch.model,
            timeout_seconds=run.dispatch.phase_timeout_seconds,
            may_restart=attempt.is_forced or self.plan.phase(attempt.path).idempotency == "idempotent",
            over_budget=over_budget,
        )

    def _custom_verdicts(self, path: str) -> list[str]:
        """What may be returned at a place besides the four: what has a route there, and what the contract names."""
        contract = self.plan.phase(path).decision_contract
        words = [*self.plan.entry(path).on_verdict, *([] if contract is None else contract.words)]
        return [word for word in dict.fromkeys(words) if word not in VERDICTS]

    def gate(self, run: Run, attempt: Attempt) -> Gated | None:
        """The gate of a manual attempt or of one whose evals failed; None if it waits for nobody."""
        phase = self.plan.phase(attempt.path)
        if attempt.checks:
            return Gated(instructions=attempt.reason or "", note_required=True, timeout_seconds=None)
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


def _in_project(context: RunContext) -> RunContext:
    """The context of a phase that works in the project itself although its run has a worktree."""
    place = context.project_root
    return context._replace(
        execution_cwd=place,
        variables=context.variables | {"execution_cwd": place},
        environment=context.environment | {"ANIMUS_EXECUTION_CWD": place},
    )
