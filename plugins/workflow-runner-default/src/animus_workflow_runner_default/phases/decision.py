"""The decision a phase returns: finding it in an answer and reading its fields.

Only the final answer is looked at, once, when it is complete. Whole-line JSON objects and fenced ``json`` blocks are
candidates; the last valid one wins. A candidate whose verdict is present but invalid is reported, never guessed at:
ambiguity does not advance a run.
"""

import math
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import Risk
from animus_workflow_runner_default.json_value import json_array, json_object

__all__ = ["VERDICTS", "Decision", "Evidence", "ParsedDecision", "decision_from", "json_objects", "parse_decision"]

VERDICTS = ("advance", "rework", "fail", "skip")
EVIDENCE_KINDS = frozenset(
    {
        "tests_passed",
        "tests_failed",
        "code_review_clean",
        "code_review_issues",
        "files_modified",
        "requirements_met",
        "research_complete",
        "manual_verification",
        "no_changes_needed",
        "custom",
    }
)
_RISKS: dict[str, Risk] = {"low": "low", "medium": "medium", "high": "high"}
_DECISION_KIND = "phase_decision"
_NESTED_KEYS = ("phase_decision", "decision")
_FENCE = "```"
MAX_INVALID_REPORTED = 5


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a decision is based on."""

    kind: str
    description: str = ""
    file_path: str | None = None
    value: Any = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was judged. `verdict` is one of `VERDICTS` or a custom verdict the phase may return."""

    verdict: str
    confidence: float = 0.0
    risk: Risk = "medium"
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    guardrail_violations: tuple[str, ...] = ()
    commit_message: str | None = None
    target_phase: str | None = None
    fields: dict[str, Any] = {}
    """The object as it was written; contracts are checked against it."""


class ParsedDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer held: the decision that counts, how many valid ones there were, and what was invalid."""

    decision: Decision | None
    found: int
    invalid: tuple[str, ...] = ()


def parse_decision(text: str, *, custom_verdicts: Collection[str] = (), last_line_only: bool = False) -> ParsedDecision:
    """Find the decision in a complete answer.

    Args:
        text: the final answer of an agent.
        custom_verdicts: lower-case verdicts accepted besides `VERDICTS`.
        last_line_only: accept a decision only as the last thing the answer says; for phases that asked for none.
    """
    candidates = list(_objects(text))
    if last_line_only:
        candidates = [value for value, is_last in candidates[-1:] if is_last]
    else:
        candidates = [value for value, _ in candidates]
    decision: Decision | None = None
    found = 0
    invalid: list[str] = []
    for value in candidates:
        try:
            read = decision_from(value, custom_verdicts=custom_verdicts)
        except ValueError as problem:
            invalid.append(str(problem))
            continue
        if read is not None:
            decision, found = read, found + 1
    return ParsedDecision(decision=decision, found=found, invalid=tuple(invalid[-MAX_INVALID_REPORTED:]))


def decision_from(value: Any, *, custom_verdicts: Collection[str] = ()) -> Decision | None:
    """Read one JSON value as a decision; None if it is not meant as one.

    Raises:
        ValueError: it is meant as a decision, but its verdict is missing its type or is not a known word.
    """
    body = _decision_object(value)
    if body is None:
        return None
    verdict = body["verdict"]
    if not isinstance(verdict, str):
        raise ValueError(  # noqa: TRY004 - one error for whatever is wrong with a decision
            f"the verdict is {msgspec.json.encode(verdict).decode()[:80]}, not a string"
        )
    word = verdict.strip().lower()
    if word not in VERDICTS and word not in custom_verdicts:
        allowed = ", ".join((*VERDICTS, *sorted(custom_verdicts)))
        raise ValueError(f"the verdict {verdict[:80]!r} is not one of {allowed}")
    return Decision(
        verdict=word,
        confidence=_number(body.get("confidence")),
        risk=_RISKS.get(str(body.get("risk", "")).strip().lower(), "medium"),
        reason=_text(body.get("reason")) or "",
        evidence=_evidence(body.get("evidence")),
        guardrail_violations=tuple(
            item for item in json_array(body.get("guardrail_violations")) or [] if isinstance(item, str)
        ),
        commit_message=_text(body.get("commit_message")),
        target_phase=_text(body.get("target_phase")),
        fields=body,
    )


def json_objects(text: str) -> list[Any]:
    """The JSON objects of an answer, in order: whole lines and fenced blocks."""
    return [value for value, _ in _objects(text)]


def _decision_object(value: Any) -> dict[str, Any] | None:
    body = json_object(value)
    if body is None:
        return None
    for key in _NESTED_KEYS:
        nested = json_object(body.get(key))
        if nested is not None and "verdict" in nested:
            return _decision_object(nested)
    kind = body.get("kind")
    if kind is not None and str(kind).strip().lower() != _DECISION_KIND:
        return None
    return body if "verdict" in body else None


def _objects(text: str) -> Iterator[tuple[Any, bool]]:
    """Yield the JSON objects of an answer in order, each with whether nothing follows it."""
    lines = text.strip().splitlines()
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if line.startswith(_FENCE):
            closing = _next_fence(lines, index + 1)
            if closing is not None and lines[closing].strip() == _FENCE:
                value = _object("\n".join(lines[index + 1 : closing]))
                if value is not None:
                    yield value, closing == len(lines) - 1
                    index = closing + 1
                    continue
        value = _object(line)
        if value is not None:
            yield value, index == len(lines) - 1 or all(rest.strip() == _FENCE for rest in lines[index + 1 :])
        index += 1


def _next_fence(lines: list[str], start: int) -> int | None:
    return next((i for i in range(start, len(lines)) if lines[i].lstrip().startswith(_FENCE)), None)


def _object(text: str) -> dict[str, Any] | None:
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return None
    try:
        return json_object(msgspec.json.decode(stripped))
    except (msgspec.DecodeError, RecursionError):
        return None


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return 0.0
    if isinstance(value, int | float | str):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return 0.0
        return number if math.isfinite(number) else 0.0
    return 0.0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _evidence(value: Any) -> tuple[Evidence, ...]:
    bodies = [body for item in json_array(value) or [] if (body := json_object(item)) is not None]
    return tuple(
        Evidence(
            kind=kind if (kind := str(body.get("kind", "custom")).strip().lower()) in EVIDENCE_KINDS else "custom",
            description=_text(body.get("description")) or "",
            file_path=_text(body.get("file_path")),
            value=body.get("value"),
        )
        for body in bodies
    )
