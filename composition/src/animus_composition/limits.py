"""What one plugin may use: said by the flavor for everybody, in ``[daemon.plugins.<name>]`` for one project."""

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from animus_plugin_runtime import Candidate, Care

if TYPE_CHECKING:
    from animus_composition.flavor import Flavor
    from animus_composition.settings import DaemonSettings

__all__ = ["PluginLimits", "care_of"]

_MIB = 1024 * 1024


class PluginLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The limits of one plugin; what is left out is as for all plugins."""

    memory_mib: Annotated[int, Meta(ge=1)] | None = None
    """When it uses more memory, it is replaced."""
    cpu_cores: Annotated[float, Meta(gt=0)] | None = None
    """When it uses more than so many processor cores over half a minute or longer, it is replaced."""
    idle_seconds: Annotated[float, Meta(gt=0)] | None = None
    """When nobody asked it for so long, it is stopped until somebody does."""
    resident: bool | None = None
    """Whether it stays although nobody asks; what no run can do without does if this is left out."""


def care_of(candidate: Candidate, flavor: "Flavor", settings: "DaemonSettings", *, is_needed: bool) -> Care:
    """How a plugin is looked after: the project's word before the flavor's before what holds for all.

    Args:
        candidate: the plugin.
        flavor: of the project.
        settings: in force.
        is_needed: whether no run can do without it.
    """
    given = [limits.get(candidate.name, PluginLimits()) for limits in (settings.plugins, flavor.limits)]
    memory = _first(*(one.memory_mib for one in given), settings.plugin_memory_mib)
    is_resident = next((one.resident for one in given if one.resident is not None), is_needed)
    idle = _first(*(one.idle_seconds for one in given), settings.plugin_idle_seconds)
    return Care(
        idle_seconds=None if is_resident else idle,
        memory_bytes=None if memory is None else int(memory * _MIB),
        cpu_cores=_first(*(one.cpu_cores for one in given), settings.plugin_cpu_cores),
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
