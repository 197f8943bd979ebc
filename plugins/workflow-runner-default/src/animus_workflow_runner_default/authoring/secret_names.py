"""``${secret.NAME}`` in definitions: that every NAME is declared, in whatever file."""

from collections.abc import Iterator

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.document import Path
from animus_workflow_runner_default.authoring.interpolation import secret_names
from animus_workflow_runner_default.authoring.plain import is_list, is_mapping

__all__ = ["check_secret_names"]

_SECTIONS = ("phases", "tools", "mcp_servers")
"""Whose texts may keep references until they are used; agents have several definitions of one id."""


def check_secret_names(catalog: Catalog) -> None:
    """Blame definitions that name a secret nobody declares: what uses it could only fail."""
    layers = [layer for agents in catalog.agent_layers.values() for layer in agents]
    for definition in (*layers, *(found for name in _SECTIONS for found in catalog.sections[name].values())):
        if definition.document.has_references:
            _check(catalog, definition)


def _check(catalog: Catalog, definition: Definition) -> None:
    known = catalog.sections["secrets"]
    for path, text in _texts(definition.value, ()):
        for name in secret_names(text):
            if name not in known:
                advice = did_you_mean(name, known) or f"; declare it: `secrets: {{{name}: {{env: VARIABLE}}}}`"
                catalog.blame(definition, f"there is no secret {name!r}{advice}", *path)


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif is_mapping(value):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
