"""The items of a workflow's ``phases``: a phase id, a phase id with options, or a reference to another workflow."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding, convert
from animus_workflow_runner_default.authoring.diagnostics import nearest
from animus_workflow_runner_default.authoring.document import Path
from animus_workflow_runner_default.authoring.guards import parse_guard, parse_route_guard
from animus_workflow_runner_default.authoring.model import VERDICTS, Guard, Variable
from animus_workflow_runner_default.authoring.plain import describe, is_mapping
from animus_workflow_runner_default.authoring.shapes import EntryShape, WorkflowRefShape, WorkflowShape

__all__ = ["Entry", "read_entries"]

_ALMOST_A_REFERENCE = ("workflow", "ref", "workflow_id", "uses", "include")
_REFERENCE = "workflow_ref"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One item, read: `phase_id` or `workflow_ref` is set."""

    path: Path
    """Below the workflow's definition."""
    phase_id: str | None = None
    workflow_ref: str | None = None
    options: EntryShape = EntryShape()
    skip_if: list[Guard] = []
    route_guards: dict[str, Guard] = {}


def read_entries(catalog: Catalog, definition: Definition) -> list[Entry]:
    """The entries of a workflow; what is wrong with one is blamed on the workflow."""
    shape: WorkflowShape | None = definition.shape
    if shape is None:
        return []
    for steps, message in _variable_faults(shape.variables):
        catalog.blame(definition, message, *steps)
    entries: list[Entry] = []
    for index, item in enumerate(shape.phases):
        try:
            entries.append(_read(catalog, definition, item, ("phases", index)))
        except ValueError as error:
            catalog.blame(definition, str(error), "phases", index)
    return entries


def _variable_faults(variables: list[Variable]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for index, variable in enumerate(variables):
        if not variable.name.replace(".", "_").replace("-", "_").isidentifier():
            yield ("variables", index, "name"), f"{variable.name!r} is no name; use letters, digits and '_'"
        elif variable.name in seen:
            yield ("variables", index, "name"), f"the variable {variable.name!r} stands twice"
        seen.add(variable.name)


def _read(catalog: Catalog, definition: Definition, item: Any, path: Path) -> Entry:
    if isinstance(item, str):
        if not item.strip():
            raise ValueError("a phase entry is empty")
        return Entry(path=path, phase_id=item)
    if not is_mapping(item):
        raise ValueError(f"a phase entry is a phase id or `phase-id: {{options}}`, not {describe(item)}")
    if _REFERENCE in item:
        return _read_reference(catalog, definition, item, path)
    if len(item) != 1:
        raise ValueError(_too_many_keys(item))
    phase_id, options = next(iter(item.items()))
    if phase_id == "id":
        raise ValueError(
            f"a phase entry is named by its key: write `- {options}` or `- {options}: {{options}}`, not `- id:`"
        )
    if phase_id in _ALMOST_A_REFERENCE and isinstance(options, str):
        raise ValueError(f"a workflow in a workflow is written `- {_REFERENCE}: {options}`, not `- {phase_id}:`")
    return _read_options(catalog, definition, phase_id, {} if options is None else options, (*path, phase_id))


def _too_many_keys(item: dict[str, Any]) -> str:
    if not item:
        return "a phase entry is empty"
    name = item.get("id", next(iter(item)))
    others = ", ".join(repr(key) for key in item if key not in ("id", name))
    return f"a phase entry has exactly one key, the phase id: write `- {name}:` with {others} indented below it"


def _read_reference(catalog: Catalog, definition: Definition, item: dict[str, Any], path: Path) -> Entry:
    shape, findings = convert(item, WorkflowRefShape, (*definition.path, *path))
    _take(catalog, definition, findings)
    return Entry(path=path, workflow_ref=shape.workflow_ref if shape is not None else "")


def _read_options(catalog: Catalog, definition: Definition, phase_id: str, options: Any, path: Path) -> Entry:
    shape, findings = convert(options, EntryShape, (*definition.path, *path))
    _take(catalog, definition, findings)
    if shape is None:
        return Entry(path=path, phase_id=phase_id)
    skip_if: list[Guard] = []
    route_guards: dict[str, Guard] = {}
    for index, text in enumerate(shape.skip_if):
        guard = _guard(catalog, definition, parse_guard, text, (*path, "skip_if", index))
        skip_if += [guard] if guard is not None else []
    for verdict, route in shape.on_verdict.items():
        where = (*path, "on_verdict", verdict)
        _check_verdict(catalog, definition, verdict, where)
        if route.target is None and not route.allow_agent_target:
            catalog.blame(definition, f"the route of {verdict!r} needs a 'target'; '_end' completes the run", *where)
        if route.guard is not None:
            guard = _guard(catalog, definition, parse_route_guard, route.guard, (*where, "guard"))
            route_guards |= {verdict: guard} if guard is not None else {}
    return Entry(path=path, phase_id=phase_id, options=shape, skip_if=skip_if, route_guards=route_guards)


def _guard(
    catalog: Catalog, definition: Definition, parse: Callable[[str], Guard], text: str, path: Path
) -> Guard | None:
    try:
        return parse(text)
    except ValueError as error:
        catalog.blame(definition, str(error), *path)
        return None


def _check_verdict(catalog: Catalog, definition: Definition, verdict: str, path: Path) -> None:
    """A key that is no verdict of every phase is a custom one; a likely slip is worth a warning."""
    word = verdict.strip().lower()
    if not word:
        catalog.blame(definition, "a verdict without a name", *path, of_key=True)
    match = nearest(word, VERDICTS) if word not in VERDICTS else None
    if match is not None:
        message = f"{verdict!r} is taken as a custom verdict; did you mean {match!r}?"
        finding = Finding(path=(*definition.path, *path), message=message, severity="warning", of_key=True)
        catalog.report.take(finding, definition.document)


def _take(catalog: Catalog, definition: Definition, findings: list[Finding]) -> None:
    for finding in findings:
        text = catalog.report.take(finding, definition.document)
        definition.fault = definition.fault or text
