"""``daemon status``, ``daemon health`` and events."""

from typing import Any

from animus_cli.json_value import json_object
from animus_cli.table import Column, duration, facts, paragraph, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import AuditVerifyResult, DaemonEvent, DaemonHealthResult, DaemonStatusResult
from animus_plugin_protocol.wire.log_storage import LogEntry, LogLevel

__all__ = ["audit", "event", "health", "log_entry", "metrics", "status", "summary"]

_FIRST_FACTS = ("workflow_id", "subject_id", "phase_id", "status", "reason", "message")
"""What of an event's payload is read first."""
_SAID_ALREADY = frozenset({"ts"})


def summary(result: DaemonStatusResult) -> str:
    """One line on the daemon."""
    if not result.running:
        return "not running"
    words = [f"running, pid {result.pid}"]
    if result.uptime_seconds is not None:
        words.append(f"up {duration(result.uptime_seconds)}")
    if result.active_runs is not None and result.pool_size is not None:
        words.append(f"{result.active_runs} of {result.pool_size} slots busy")
    if result.parked_runs:
        words.append(f"{result.parked_runs} parked")
    if result.paused:
        words.append("paused")
    if result.draining:
        words.append("draining")
    return ", ".join(words)


def status(result: DaemonStatusResult, screen: Screen) -> list[str]:
    """Whether there is a daemon, and where to look."""
    lines = facts(
        [
            ("daemon", summary(result)),
            ("project", result.project_root or ""),
            ("log", result.log_path or ""),
            ("socket", result.socket_path or ""),
        ],
        screen,
    )
    return lines if result.running else [*lines, "next: animus daemon start"]


def health(result: DaemonHealthResult, screen: Screen) -> list[str]:
    """The daemon's verdict on itself and a row per plugin."""
    lines = facts([("health", result.status), ("last error", result.last_error or "")], screen)
    if not result.plugins:
        return lines
    rows = [
        [
            plugin.name,
            ",".join(plugin.kinds),
            plugin.status,
            "" if plugin.pid is None else str(plugin.pid),
            str(plugin.restarts),
            plugin.last_error or "",
        ]
        for plugin in result.plugins
    ]
    columns = [
        Column("PLUGIN"),
        Column("KINDS", flexible=True),
        Column("STATUS", status=True),
        Column("PID", right=True),
        Column("RESTARTS", right=True),
        Column("LAST ERROR", flexible=True),
    ]
    return [*lines, "", *table(columns, rows, screen)]


def metrics(result: str, _screen: Screen) -> list[str]:
    """The text as it is."""
    return result.splitlines()


def audit(result: AuditVerifyResult, screen: Screen) -> list[str]:
    """Whether the record is whole, or where it breaks."""
    if result.is_whole:
        return facts([("audit log", f"whole, {result.lines} lines"), ("latest", result.latest or "")], screen)
    text = f"the audit log was altered at line {result.line}: {result.reason}"
    return [*paragraph(text, screen), "next: animus daemon events --limit 200"]


def event(result: DaemonEvent, screen: Screen) -> list[str]:
    """One event on one line: when, what, and the facts of it."""
    when = result.occurred_at.astimezone().strftime("%H:%M:%S")
    return [f"{screen.paint(when, 'dim')}  {clean(result.kind):<20}  {_payload_text(result.payload)}".rstrip()]


def log_entry(entry: LogEntry, screen: Screen) -> list[str]:
    """One entry on one line: when, who, and what it wrote."""
    when = entry.ts.astimezone().strftime("%H:%M:%S")
    colour = {LogLevel.ERROR: "red", LogLevel.WARN: "yellow"}.get(entry.level)
    text = clean(entry.message)
    return [
        f"{screen.paint(when, 'dim')}  {entry.target:<20}  {screen.paint(text, colour) if colour else text}".rstrip()
    ]


def _payload_text(payload: Any) -> str:
    if not isinstance(payload, dict):
        return "" if payload is None else clean(str(payload))
    facts_known = {name: value for name, value in json_object(payload).items() if isinstance(value, str | int | float)}
    order = [*(name for name in _FIRST_FACTS if name in facts_known), *facts_known]
    shown = {name: str(facts_known[name]) for name in order if name not in _SAID_ALREADY}
    return "  ".join(f"{clean(name)}={clean(text)}" for name, text in shown.items() if text)
