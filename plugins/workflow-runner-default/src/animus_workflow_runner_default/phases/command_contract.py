"""The decision contract of a command: what its output decides has to keep it, as what an agent decides has to."""

from collections.abc import Collection

import msgspec

from animus_workflow_runner_default.authoring.model import Phase
from animus_workflow_runner_default.phases.contract import check_decision, check_weight
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.outcome import Decided, PhaseOutcome

__all__ = ["held_to_contract"]


def held_to_contract(phase: Phase, outcome: PhaseOutcome, custom_verdicts: Collection[str]) -> PhaseOutcome:
    """The outcome, or rework with what an advancing decision lacks.

    Without a decision in the output the exit code's stands in for it, and keeps no contract that asks for more.
    """
    contract, command = phase.decision_contract, phase.command
    if contract is None or command is None or not command.parse_json_output or not isinstance(outcome, Decided):
        return outcome
    decision = outcome.decision
    if decision is None or decision.verdict not in {"advance", *custom_verdicts}:
        return outcome
    findings = [*check_weight(decision, contract), *check_decision(decision, contract)]
    if not findings:
        return outcome
    reason = "; ".join(f"decision contract: {finding}" for finding in findings)
    return msgspec.structs.replace(outcome, decision=Decision(verdict="rework", confidence=1.0, reason=reason))
