"""Guards: the one comparison that ``skip_if`` and ``on_verdict.*.guard`` can make.

``field == 'value'`` or ``field != 'value'``; the quotes may be left out around a single word. A field that a subject
does not have makes either comparison false: nothing is skipped on what is not known.
"""

import re
from collections.abc import Mapping

from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Guard

__all__ = ["ATTRIBUTE_PREFIX", "REWORK_BUDGET_AVAILABLE", "SUBJECT_FIELDS", "holds", "parse_guard", "parse_route_guard"]

SUBJECT_FIELDS = ("subject_kind", "subject_id", "task_type", "priority", "status")
ATTRIBUTE_PREFIX = "attributes."
"""``attributes.name`` is any other attribute that a subject backend gives under that name."""
REWORK_BUDGET_AVAILABLE = "rework_budget_available"
"""The one guard without a comparison, for routes: such a fact is ``true`` while the target may be entered again."""

_COMPARISON = re.compile(
    r"\s*(?P<field>[A-Za-z_][A-Za-z0-9_.-]*)\s*(?P<operator>==|!=)\s*"
    r"(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\s'\"=!]+))\s*"
)


def parse_guard(text: str) -> Guard:
    """Read one comparison.

    Raises:
        ValueError: not a comparison, or of a field that no subject has.
    """
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no comparison; write it like \"priority == 'low'\" or \"task_type != 'docs'\"")
    field: str = match["field"]
    if field not in SUBJECT_FIELDS and not (field.startswith(ATTRIBUTE_PREFIX) and field != ATTRIBUTE_PREFIX):
        hint = did_you_mean(field, (*SUBJECT_FIELDS, f"{ATTRIBUTE_PREFIX}NAME"))
        raise ValueError(f"unknown field {field!r}{hint}")
    value = next(group for group in (match["single"], match["double"], match["bare"]) if group is not None)
    return Guard(
        field=field.removeprefix(ATTRIBUTE_PREFIX), operator="==" if match["operator"] == "==" else "!=", value=value
    )


def parse_route_guard(text: str) -> Guard:
    """Read the guard of a route: a comparison or `REWORK_BUDGET_AVAILABLE`.

    Raises:
        ValueError: as `parse_guard`.
    """
    if text.strip() == REWORK_BUDGET_AVAILABLE:
        return Guard(field=REWORK_BUDGET_AVAILABLE, operator="==", value="true")
    return parse_guard(text)


def holds(guard: Guard, facts: Mapping[str, str]) -> bool:
    """Whether the guard is true of `facts`: ``subject_kind``, ``subject_id`` and the subject's attributes."""
    actual = facts.get(guard.field)
    return actual is not None and (actual == guard.value) is (guard.operator == "==")
