"""Judging an agent's answer: its decision, the contracts of its phase, what is kept of it, and what it lacks."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from animus_workflow_runner_default.authoring.model import Phase
from animus_workflow_runner_default.phases.contract import check_decision, check_output, check_weight, payload_of_kind
from animus_workflow_runner_default.phases.decision import Decision, decision_from, json_objects, parse_decision
from animus_workflow_runner_default.phases.failure import excerpt
from animus_workflow_runner_default.phases.outcome import Decided, Failed, kept_payload

__all__ = ["EXCERPT_CHARS", "Gap", "Judged", "judge_answer"]

EXCERPT_CHARS = 16_000
"""How much of an answer a result carries; the log has all of it."""
NOT_ASKED = "no decision asked"
NO_DECISION = "no decision was found: the last line of the answer must be the decision as one line of JSON"

Gap = Literal["missing", "form"]
"""What an answer lacks that its agent can still bring: the decision or result itself, or its right form."""


class Judged(NamedTuple):
    """How the phase ended if nothing more is said; what could be mended, and the findings to quote."""

    outcome: Decided | Failed
    gap: Gap | None = None
    findings: tuple[str, ...] = ()


def judge_answer(
    phase: Phase, answer: str, offered: Any, metadata: dict[str, Any], custom_verdicts: Sequence[str]
) -> Judged:
    """How a phase ended whose agent came to a clean end.

    A phase with a decision contract advances only on a decision that keeps it. One without advances, unless the last
    thing its agent said is a decision.

    Args:
        phase: the definition.
        answer: the final answer.
        offered: a decision the provider read out itself; counts where the answer holds none.
        metadata: handed through.
        custom_verdicts: verdicts the phase may return besides the four.
    """
    outcome: dict[str, Any] = {"answer": excerpt(answer, EXCERPT_CHARS)}
    contract = phase.decision_contract
    parsed = parse_decision(answer, custom_verdicts=custom_verdicts, last_line_only=contract is None)
    metadata = metadata | {"decisions_found": parsed.found}
    decision, invalid = parsed.decision, parsed.invalid
    if decision is None and not invalid and offered is not None:
        try:
            decision = decision_from(offered, custom_verdicts=custom_verdicts)
        except ValueError as problem:
            invalid = (str(problem),)
    if decision is None and invalid and contract is not None:
        reason = f"phase {phase.id!r} returned an invalid decision: {'; '.join(invalid)}"
        return Judged(Failed(reason=reason, outcome=outcome, metadata=metadata), "form", invalid)
    if decision is None and contract is not None and not contract.allow_missing_decision:
        rework = Decision(verdict="rework", confidence=1.0, reason=NO_DECISION)
        return Judged(Decided(decision=rework, outcome=outcome, metadata=metadata), "missing", (NO_DECISION,))
    gap: Gap | None = None
    findings: list[str] = []
    if decision is None or decision.verdict in {"advance", *custom_verdicts}:
        gap, findings = _findings(phase, decision, answer, outcome)
    if findings:
        decision = Decision(verdict="rework", confidence=1.0, reason="; ".join(findings))
    if decision is None:
        metadata = metadata | {"decision": NOT_ASKED if contract is None else "none, and none is required"}
    return Judged(Decided(decision=decision, outcome=outcome, metadata=metadata), gap, tuple(findings))


def _findings(
    phase: Phase, decision: Decision | None, answer: str, outcome: dict[str, Any]
) -> tuple[Gap | None, list[str]]:
    """Which contracts the answer does not keep, and whether its agent could mend that by saying it again."""
    weight: list[str] = []
    form: list[str] = []
    is_missing = False
    if decision is not None and phase.decision_contract is not None:
        weight += [f"decision contract: {found}" for found in check_weight(decision, phase.decision_contract)]
        form += [f"decision contract: {found}" for found in check_decision(decision, phase.decision_contract)]
    if phase.output_contract is not None or phase.output_json_schema is not None:
        kind = None if phase.output_contract is None else phase.output_contract.kind
        payload = payload_of_kind(json_objects(answer), kind)
        outcome["payload"] = kept_payload(payload)
        is_missing = payload is None
        form += [
            f"output contract: {found}"
            for found in check_output(payload, phase.output_contract, phase.output_json_schema)
        ]
    if weight or not form:
        return None, [*weight, *form]
    return ("missing" if is_missing and decision is None else "form"), form
