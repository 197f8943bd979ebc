"""Where a run goes after a phase returned: the gate table, as data, and the pure function that reads it.

The first gate of `GATES` that applies and answers decides. Rework budgets are booked on the phase that is entered
again, not on the one that asked for it; every step back counts, so that no route can go round for ever.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.guards import REWORK_BUDGET_AVAILABLE, holds
from animus_workflow_runner_default.authoring.model import END_TARGET, PhaseEntry, Route
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.phases.decision import VERDICTS, Decision

__all__ = [
    "GATES",
    "Advance",
    "Close",
    "Complete",
    "Escalate",
    "Rework",
    "Step",
    "budget_exceeded",
    "has_route",
    "next_step",
]

LOW_CONFIDENCE = 0.5
_ALREADY_DONE = "already_done"


class Advance(msgspec.Struct, frozen=True, tag="advance"):
    """Go on with the phase at `path`."""

    path: str


class Rework(msgspec.Struct, frozen=True, tag="rework"):
    """Enter `path` again, at its next attempt, with `reason` in its prompt; one re-entry is booked on it."""

    path: str
    reason: str


class Complete(msgspec.Struct, frozen=True, tag="complete"):
    """The last phase advanced, or a route led to the end: the run has reached its goal."""

    reason: str | None = None


class Close(msgspec.Struct, frozen=True, tag="close"):
    """A skip verdict ends the whole run: `status` is ``completed`` if the work was done already, else ``cancelled``."""

    status: str
    reason: str


class Escalate(msgspec.Struct, frozen=True, tag="escalate"):
    """A person has to look: the phase at `path` failed its gate."""

    path: str
    reason: str


Step = Advance | Rework | Complete | Close | Escalate


class _Situation(NamedTuple):
    decision: Decision | None
    entry: PhaseEntry
    plan: Plan
    counts: Mapping[str, int]
    attributes: Mapping[str, str]

    @property
    def route(self) -> Route | None:
        """The route of the verdict, if it has one whose guard holds."""
        route = None if self.decision is None else self.entry.on_verdict.get(self.decision.verdict)
        if route is None or route.guard is None:
            return route
        booked = self.entry.path if route.target is None or route.target == END_TARGET else route.target
        facts = {**self.attributes, REWORK_BUDGET_AVAILABLE: str(_has_budget(self, booked)).lower()}
        return route if holds(route.guard, facts) else None

    @property
    def chosen_target(self) -> str | None:
        """The agent's choice where the route allows it, else the route's own target."""
        if self.decision is None or self.route is None:
            return None
        return self.plan.agent_target(self.route, self.decision.target_phase) or self.route.target

    @property
    def reason(self) -> str:
        return "" if self.decision is None else self.decision.reason

    def verdict_is(self, *verdicts: str) -> bool:
        return self.decision is not None and self.decision.verdict in verdicts


class Gate(NamedTuple):
    """One row: when it applies, and the step it answers with; None passes on to the next row."""

    name: str
    applies: Callable[[_Situation], bool]
    step: Callable[[_Situation], Step | None]


def budget_exceeded(plan: Plan, path: str, counts: Mapping[str, int], reason: str) -> Escalate:
    """The step of a run whose phase at `path` may not be entered again."""
    used, most = counts.get(path, 0), plan.rework_budget(path)
    name = plan.entry(path).phase_id
    if most == 0:
        return Escalate(path, f"phase {name} may not be entered again (its rework budget is 0): {reason}")
    return Escalate(path, f"rework budget exceeded for phase {name} ({used} reworks, max {most}): {reason}")


def _has_budget(s: _Situation, path: str) -> bool:
    return s.counts.get(path, 0) < s.plan.rework_budget(path)


def _go(s: _Situation, target: str | None, reason: str) -> Step:
    """Go to `target`; a step back is booked there, whatever verdict asked for it."""
    if target is None or target == END_TARGET:
        return Complete(reason if target == END_TARGET else None)
    if not s.plan.is_behind(target, origin=s.entry.path):
        return Advance(target)
    return _rework(s, target, reason)


def _rework(s: _Situation, target: str, reason: str) -> Step:
    return Rework(target, reason) if _has_budget(s, target) else budget_exceeded(s.plan, target, s.counts, reason)


def _advance(s: _Situation) -> Step:
    target = s.chosen_target
    return _go(s, s.plan.following(s.entry.path) if target is None else target, s.reason)


def _is_risky(s: _Situation) -> bool:
    d = s.decision
    return d is not None and d.verdict in {"advance", "skip"} and d.confidence < LOW_CONFIDENCE and d.risk == "high"


def _has_violations(s: _Situation) -> bool:
    return s.verdict_is("advance", "skip") and s.decision is not None and bool(s.decision.guardrail_violations)


def _rework_risky(s: _Situation) -> Step | None:
    confidence = 0.0 if s.decision is None else s.decision.confidence
    return _rework_here_or_pass(s, f"confidence {confidence:g} at high risk is too little: {s.reason}")


def _rework_violations(s: _Situation) -> Step | None:
    violations = () if s.decision is None else s.decision.guardrail_violations
    return _rework_here_or_pass(s, f"guardrails violated: {'; '.join(violations)}")


def _rework_here_or_pass(s: _Situation, reason: str) -> Step | None:
    return Rework(s.entry.path, reason) if _has_budget(s, s.entry.path) else None


def _skip(s: _Situation) -> Step:
    target = s.chosen_target
    if target is not None:
        return _go(s, target, s.reason)
    return Close("completed" if _ALREADY_DONE in s.reason.lower() else "cancelled", s.reason)


def _rework_verdict(s: _Situation) -> Step:
    target = s.chosen_target or s.entry.path
    if target == END_TARGET:
        return Complete(s.reason)
    return _rework(s, target, s.reason)


def _fail(s: _Situation) -> Step:
    target = s.chosen_target
    if target is not None:
        return _go(s, target, s.reason)
    return Escalate(s.entry.path, s.reason or f"phase {s.entry.phase_id} returned the verdict fail without a reason")


def _is_custom(s: _Situation) -> bool:
    return s.decision is not None and s.decision.verdict not in VERDICTS


def _is_undecided(s: _Situation) -> bool:
    return s.decision is None


def _says(verdict: str) -> Callable[[_Situation], bool]:
    return lambda s: s.verdict_is(verdict)


GATES: tuple[Gate, ...] = (
    Gate("no decision was asked for", _is_undecided, _advance),
    Gate("low confidence at high risk", _is_risky, _rework_risky),
    Gate("guardrail violations", _has_violations, _rework_violations),
    Gate("advance", _says("advance"), _advance),
    Gate("skip", _says("skip"), _skip),
    Gate("rework", _says("rework"), _rework_verdict),
    Gate("fail", _says("fail"), _fail),
    Gate("a custom verdict", _is_custom, _advance),
)
"""Read from the top; a gate that answers None (its budget is used up) lets the decision pass to the next."""


def has_route(
    decision: Decision, entry: PhaseEntry, counts: Mapping[str, int], plan: Plan, attributes: Mapping[str, Any]
) -> bool:
    """Whether the verdict has a route at `entry` whose guard holds; arguments as in `next_step`."""
    return _Situation(decision, entry, plan, counts, attributes).route is not None


def next_step(
    decision: Decision | None,
    entry: PhaseEntry,
    counts: Mapping[str, int],
    plan: Plan,
    attributes: Mapping[str, Any] | None = None,
) -> Step:
    """Where a run goes after the phase at `entry` returned `decision`.

    Args:
        decision: what was judged; None where no decision was asked for.
        entry: the place that was run.
        counts: how often each place was re-entered so far, by path.
        plan: the plan of the run.
        attributes: what guards compare: subject kind, id and attributes.
    """
    situation = _Situation(decision, entry, plan, counts, attributes or {})
    for gate in GATES:
        if gate.applies(situation):
            step = gate.step(situation)
            if step is not None:
                return step
    message = f"no gate answers for the verdict {decision.verdict if decision else None!r}"
    raise AssertionError(message)
