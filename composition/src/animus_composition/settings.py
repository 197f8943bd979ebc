"""What a daemon can be told: how much it runs at once and how often it looks after itself."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from animus_composition.limits import PluginLimits
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_protocol.described import described
from animus_plugin_runtime.durable import write_durably

__all__ = ["MIB", "RUNS_PER_RUNNER", "DaemonSettings", "load_settings", "save_settings"]

MIB = 1024 * 1024
RUNS_PER_RUNNER = 64
"""More runs than this in one runner process starve each other."""


class DaemonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Settings of a daemon.

    The command line wins over ``[daemon]`` in the project manifest, and that over what the daemon stored itself.
    """

    pool_size: Annotated[int, Meta(ge=1, le=RUNS_PER_RUNNER)] = 4
    """Runs under way at once; runs that wait for somebody do not count."""
    heartbeat_seconds: Annotated[float, Meta(gt=0)] = 60.0
    """How often the daemon compares the queue with what it knows, in case a wake-up was lost."""
    paused: bool = False
    """Start nothing new."""
    plugin_idle_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """A plugin that no run is bound to needs and nobody asked for so long is stopped until somebody does."""
    plugin_memory_mib: Annotated[int, Meta(ge=1)] | None = None
    """A plugin that uses more memory is replaced; unlimited if left out."""
    plugin_cpu_cores: Annotated[float, Meta(gt=0)] | None = None
    """A plugin that uses more processor cores over half a minute or longer is replaced; unlimited if left out."""
    plugin_processes: Annotated[int, Meta(ge=4)] = 64
    """Plugin processes at once; an idle one makes room for one that is needed."""
    events_mib: Annotated[int, Meta(ge=1)] = 20
    """How much of the recorded events is kept; the older half goes at once."""
    audit_mib: Annotated[int, Meta(ge=1)] = 64
    """How much of the record of who changed what is kept; the oldest eighth goes at once."""
    plugins: dict[str, PluginLimits] = {}
    """Limits of single plugins, by the names that ``animus plugin list`` shows."""


def _stored_path(project: Project) -> Path:
    return project.state_dir / "daemon" / "pm-config.json"


def load_settings(project: Project, **flags: float | bool | None) -> DaemonSettings:
    """The settings in force; a flag that is None was not given.

    Raises:
        ControlError: ``invalid_request`` naming the file with the bad value.
    """
    from animus_composition.manifest import load_manifest  # noqa: PLC0415 - the manifest's shape contains the settings

    values: dict[str, object] = {}
    path = _stored_path(project)
    try:
        values |= json.loads(path.read_bytes())
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:
        raise ControlError("invalid_request", f"{path}: {error}; repair or delete it") from error
    values |= load_manifest(project).daemon
    values |= {name: value for name, value in flags.items() if value is not None}
    try:
        return msgspec.convert(values, described(DaemonSettings))
    except msgspec.ValidationError as error:
        raise ControlError("invalid_request", f"daemon settings ({path}, {project.manifest_path}): {error}") from error


def save_settings(project: Project, settings: DaemonSettings) -> None:
    """Store what the next daemon should start with."""
    write_durably(_stored_path(project), msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
