"""Crash reports: what a plugin said and was told last, one file a death, the latest ones kept."""

import datetime
from pathlib import Path

import msgspec

from animus_plugin_runtime.durable import write_durably
from animus_plugin_runtime.plugin_event import PluginEvent
from animus_plugin_runtime.redaction import redacted

__all__ = ["REPORTS_LIMIT", "write_crash_report"]

REPORTS_LIMIT = 50


def write_crash_report(directory: Path, event: PluginEvent) -> Path:
    """Write down the death of a plugin; secrets are left out. Blocks for an fsync: deaths are rare."""
    now = datetime.datetime.now(datetime.UTC)
    facts = msgspec.structs.asdict(event) | {"at": now, "swept": [record.pid for record in event.swept]}
    path = directory / f"{now:%Y%m%dT%H%M%S.%f}-{event.plugin}.json"
    write_durably(path, msgspec.json.format(msgspec.json.encode(redacted(facts)), indent=2) + b"\n")
    for old in sorted(directory.glob("*.json"))[:-REPORTS_LIMIT]:
        old.unlink(missing_ok=True)
    return path
