"""Nested workflows expanded in place: the linear plan of a workflow, each place with a path of its own."""

from collections.abc import Mapping, Sequence

import msgspec

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.document import Path
from animus_workflow_runner_default.authoring.entries import Entry

__all__ = ["MAX_PHASES", "Expansion", "Place", "is_private"]

MAX_PHASES = 1000
"""Places of one expanded workflow: nesting multiplies."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An entry at its place in the plan."""

    path: str
    scopes: tuple[str, ...]
    """Prefixes under which names are looked up: innermost first, the whole workflow (``""``) last."""
    entry: Entry
    phase_id: str
    where: Path
    """What to blame in the expanded workflow: the entry itself, or the reference it came in through."""


class Expansion:
    """Expands one workflow. One use.

    Attributes:
        places: the result, in order.
    """

    def __init__(
        self, catalog: Catalog, top: Definition, entries: Mapping[str, list[Entry]], faults: Mapping[str, str]
    ) -> None:
        """Set up.

        Args:
            catalog: all definitions.
            top: the workflow to expand.
            entries: the entries of every workflow, by lower-case id.
            faults: why a workflow cannot be read, by lower-case id.
        """
        self._catalog = catalog
        self._top = top
        self._entries = entries
        self._faults = faults
        self._definitions = catalog.sections["workflows"]
        self.places: list[Place] = []
        self._taken: set[str] = set()

    def run(self, key: str) -> Sequence[Place]:
        """Expand the workflow `key`; faults are blamed on it."""
        self._expand(key, ("",), (key,), ())
        return self.places

    def _expand(self, key: str, scopes: tuple[str, ...], trail: tuple[str, ...], reference: Path) -> None:
        for entry in self._entries[key]:
            where = reference or entry.path
            if len(self.places) >= MAX_PHASES:
                self._catalog.blame(self._top, f"more than {MAX_PHASES} phases after expansion", *where)
                return
            if entry.workflow_ref is not None:
                self._nest(entry.workflow_ref, self._definitions[key], scopes, trail, where)
            elif entry.phase_id is not None:
                path = self._unique(scopes[0] + entry.phase_id)
                self.places.append(Place(path=path, scopes=scopes, entry=entry, phase_id=entry.phase_id, where=where))

    def _nest(self, ref: str, origin: Definition, scopes: tuple[str, ...], trail: tuple[str, ...], where: Path) -> None:
        key = ref.strip().lower()
        nested = self._definitions.get(key)
        if nested is None or (is_private(nested) and nested.layer is not origin.layer):
            known = [item.id for item in self._definitions.values() if not is_private(item)]
            message = f"unknown workflow {ref!r}{did_you_mean(ref, known)}"
        elif key in trail:
            cycle = " -> ".join(self._definitions[step].id for step in (*trail[trail.index(key) :], key))
            message = f"the workflow contains itself: {cycle}"
        elif key in self._faults:
            message = f"the workflow {ref!r} has a fault: {self._faults[key]}"
        else:
            prefix = self._unique(scopes[0] + nested.id.strip())
            self._expand(key, (f"{prefix}/", *scopes), (*trail, key), where)
            return
        self._catalog.blame(self._top, message, *where)

    def _unique(self, path: str) -> str:
        """The path, or the path with ``#2``, ``#3``, ... if it is taken already."""
        unique, number = path, 2
        while unique in self._taken:
            unique, number = f"{path}#{number}", number + 1
        self._taken.add(unique)
        return unique


def is_private(definition: Definition) -> bool:
    """Whether the workflow belongs to a pack that does not export it: only that pack's workflows may name it."""
    manifest = definition.layer.manifest
    if manifest is None:
        return False
    exports = manifest.workflows.exports if manifest.workflows is not None else []
    return definition.id.strip().lower() not in {export.lower() for export in exports}
