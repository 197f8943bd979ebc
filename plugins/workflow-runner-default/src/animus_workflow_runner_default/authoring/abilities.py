"""The ``capabilities`` of an agent: what it needs of its tool, and in words of the author's own what it is good at."""

from collections.abc import Iterator

from animus_workflow_runner_default.authoring.catalog import Catalog
from animus_workflow_runner_default.authoring.model import AgentCapabilities
from animus_workflow_runner_default.json_value import json_object

__all__ = ["check_capabilities", "sorted_out"]

_NEEDS = AgentCapabilities.__struct_fields__
SPELLING = 0.8
"""A word as like a need as this is taken for a slip, not for a word of the author's own."""


def sorted_out(written: dict[str, bool] | None) -> tuple[AgentCapabilities, list[str]]:
    """The needs among the names that are true, and the other names, in order."""
    names = [name for name, is_on in (written or {}).items() if is_on]
    needs = AgentCapabilities(**{name: True for name in names if name in _NEEDS})
    return needs, [name for name in names if name not in _NEEDS]


def check_capabilities(catalog: Catalog) -> None:
    """Report names that are almost those of needs."""
    for layers in catalog.agent_layers.values():
        for layer in layers:
            for name, meant in () if layer.fault is not None else _slips(layer.value.get("capabilities")):
                message = f"unknown capability {name!r}; did you mean {meant!r}?"
                catalog.blame(layer, message, "capabilities", name, of_key=True)


def _slips(written: object) -> Iterator[tuple[str, str]]:
    strange = [name for name in json_object(written) or {} if name not in _NEEDS]
    if not strange:
        return
    import difflib  # noqa: PLC0415 - few definitions pay for the import

    for name in strange:
        for meant in difflib.get_close_matches(name.lower(), _NEEDS, n=1, cutoff=SPELLING):
            yield name, meant
