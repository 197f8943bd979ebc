"""Whether what a phase returned keeps its contract: decision contract, output contract, schemas.

Each check returns findings in words a person and an agent can act on; no finding means the contract is kept.
"""

from typing import Any

from animus_workflow_runner_default.authoring.model import DecisionContract, OutputContract
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.decision import Decision, decision_from
from animus_workflow_runner_default.phases.json_schema import check_fields, check_schema

__all__ = ["check_decision", "check_output", "check_weight", "payload_of_kind"]

_RISK_ORDER = {"low": 0, "medium": 1, "high": 2}
_PAYLOAD_KEYS = ("proposal", "data", "payload", "result", "output", "item")


def check_weight(decision: Decision, contract: DecisionContract) -> list[str]:
    """What the judgement itself falls short of: the phase works again, it is not asked for other words."""
    findings: list[str] = []
    if contract.min_confidence is not None and decision.confidence < contract.min_confidence:
        findings.append(f"confidence {decision.confidence:g} is below the minimum {contract.min_confidence:g}")
    if contract.max_risk is not None and _RISK_ORDER[decision.risk] > _RISK_ORDER[contract.max_risk]:
        findings.append(f"risk {decision.risk!r} is above the maximum {contract.max_risk!r}")
    shown = {item.kind for item in decision.evidence}
    findings += [f"evidence {kind!r} is missing" for kind in contract.required_evidence if kind not in shown]
    return findings


def check_decision(decision: Decision, contract: DecisionContract) -> list[str]:
    """What the form of an advancing decision lacks: fields, and what its schema asks."""
    findings: list[str] = []
    if contract.words and decision.verdict == "advance" and "advance" not in contract.words:
        findings.append(f"the verdict 'advance' is not one of {', '.join(contract.words)}")
    findings += [f"field {name!r} is missing" for name in contract.required_fields if name not in decision.fields]
    findings += check_fields(decision.fields, contract.fields)
    if contract.extra_json_schema is not None:
        findings += check_schema(decision.fields, contract.extra_json_schema)
    return findings


def check_output(payload: Any, contract: OutputContract | None, schema: Any) -> list[str]:
    """All findings of a result payload against the output contract and the output schema of its phase."""
    findings: list[str] = []
    if contract is not None:
        body = json_object(payload) or {}
        if body.get("kind") != contract.kind:
            return [f"no result payload of kind {contract.kind!r} was found"]
        findings += [f"field {name!r} is missing" for name in contract.required_fields if name not in body]
        findings += check_fields(body, contract.fields)
    if schema is not None:
        findings += check_schema(payload, schema)
    return findings


def payload_of_kind(values: list[Any], kind: str | None) -> Any:
    """The last of `values` that is a result payload: of `kind`, or any object that is not a decision for None.

    A payload may also be nested one level below the keys agents wrap results in.
    """
    for value in reversed(values):
        outer = json_object(value) or {}
        for candidate in (outer, *(json_object(outer.get(key)) for key in _PAYLOAD_KEYS)):
            if not candidate:
                continue
            if candidate.get("kind") == kind if kind is not None else not _is_decision(candidate):
                return candidate
    return None


def _is_decision(value: Any) -> bool:
    try:
        return decision_from(value) is not None
    except ValueError:
        return True
