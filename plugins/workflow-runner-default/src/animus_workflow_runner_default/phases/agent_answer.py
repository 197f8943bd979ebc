"""Judging an agent's answer: its decision, the contracts of its phase, and what is kept of it."""

from collections.abc import Sequence
from typing import Any

from animus_workflow_runner_default.authoring.model import Phase
from animus_workflow_runner_default.phases.contract import check_decision, check_output, payload_of_kind
from animus_workflow_runner_default.phases.decision import Decision, decision_from, json_objects, parse_decision
from animus_workflow_runner_default.phases.failure import excerpt
from animus_workflow_runner_default.phases.outcome import Decided, Failed, PhaseOutcome, kept_payload

__all__ = ["EXCERPT_CHARS", "judge_answer"]

EXCERPT_CHARS = 16_000
"""How much of an answer a result carries; the log has all of it."""
NOT_ASKED = "no decision asked"


def judge_answer(
    phase: Phase, answer: str, offered: Any, metadata: dict[str, Any], custom_verdicts: Sequence[str]
) -> PhaseOutcome:
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
        return Failed(reason=reason, outcome=outcome, metadata=metadata)
    if decision is None and contract is not None and not contract.allow_missing_decision:
        decision = Decision(
            verdict="rework",
            confidence=1.0,
            reason="no decision was found: the last line of the answer must be the decision as one line of JSON",
        )
    elif decision is None or decision.verdict in {"advance", *custom_verdicts}:
        decision = _hold_to_contracts(phase, decision, answer, outcome)
    if decision is None:
        metadata = metadata | {"decision": NOT_ASKED if contract is None else "none, and none is required"}
    return Decided(decision=decision, outcome=outcome, metadata=metadata)


def _hold_to_contracts(
    phase: Phase, decision: Decision | None, answer: str, outcome: dict[str, Any]
) -> Decision | None:
    """The decision, or a rework that says which contract it does not keep."""
    findings: list[str] = []
    if decision is not None and phase.decision_contract is not None:
        findings += [f"decision contract: {found}" for found in check_decision(decision, phase.decision_contract)]
    if phase.output_contract is not None or phase.output_json_schema is not None:
        kind = None if phase.output_contract is None else phase.output_contract.kind
        payload = payload_of_kind(json_objects(answer), kind)
        outcome["payload"] = kept_payload(payload)
        findings += [
            f"output contract: {found}"
            for found in check_output(payload, phase.output_contract, phase.output_json_schema)
        ]
    if not findings:
        return decision
    return Decision(verdict="rework", confidence=1.0, reason="; ".join(findings))
