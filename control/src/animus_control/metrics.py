"""Metrics as Prometheus reads them (text format 0.0.4)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from animus_plugin_protocol.wire.control import DaemonHealthResult, DaemonStatusResult, PluginHealth

__all__ = ["CONTENT_TYPE", "Metric", "describe", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """One metric with its samples.

    Attributes:
        name: in snake case; the name of a counter ends in ``_total``.
        kind: ``counter`` or ``gauge``.
        about: one line.
        samples: labels and value.
    """

    name: str
    kind: str
    about: str
    samples: list[tuple[Mapping[str, str], float]]


def render(metrics: Iterable[Metric]) -> str:
    """The text; a metric without samples is left out."""
    lines: list[str] = []
    for metric in metrics:
        if metric.samples:
            lines += [f"# HELP {metric.name} {_escaped(metric.about)}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [f"{metric.name}{_labels(labels)} {_number(value)}" for labels, value in metric.samples]
    return "".join(f"{line}\n" for line in lines)


def describe(
    status: DaemonStatusResult, health: DaemonHealthResult, events: Mapping[str, int], own: Mapping[str, float]
) -> list[Metric]:
    """A daemon and its plugins.

    Args:
        status: of the daemon.
        health: of its plugins.
        events: how many of each kind were recorded since the start.
        own: more gauges of the daemon, by their name without the prefix; a name in ``_total`` is a counter.
    """
    runs = (("active", status.active_runs or 0), ("parked", status.parked_runs or 0))
    counts = sorted(events.items())
    rows = [(_label(health.plugins, number), row) for number, row in enumerate(health.plugins)]
    running = [(labels, row) for labels, row in rows if row.status == "ready"]
    return [
        Metric("animus_daemon_uptime_seconds", "gauge", "Since the start.", [({}, status.uptime_seconds or 0)]),
        *(Metric(f"animus_{name}", _kind(name), "Of the daemon.", [({}, value)]) for name, value in own.items()),
        Metric("animus_runs", "gauge", "Runs whose entries are leased.", [({"state": word}, n) for word, n in runs]),
        Metric("animus_events_total", "counter", "Recorded events.", [({"kind": kind}, n) for kind, n in counts]),
        Metric("animus_plugin_up", "gauge", "Runs.", [(labels, row.status == "ready") for labels, row in rows]),
        Metric("animus_plugin_restarts_total", "counter", "Ever.", [(labels, row.restarts) for labels, row in rows]),
        *(
            Metric(f"animus_plugin_{name}", _kind(name), about, [(to, getattr(row, field) or 0) for to, row in running])
            for name, about, field in _OF_PLUGINS
        ),
    ]


_OF_PLUGINS = (
    ("memory_bytes", "Resident.", "memory_bytes"),
    ("cpu_seconds_total", "Used by the process that runs.", "cpu_seconds"),
    ("open_calls", "Calls without an answer, in both directions.", "open_calls"),
    ("frames_total", "Frames in both directions.", "frames"),
    ("bytes_total", "Bytes in both directions.", "bytes"),
)


def _label(plugins: list[PluginHealth], number: int) -> dict[str, str]:
    """The plugin's name; of a further process of it also which one it is, because no two samples may look alike."""
    name = plugins[number].name
    before = sum(row.name == name for row in plugins[:number])
    return {"plugin": name, "process": str(before + 1)} if before else {"plugin": name}


def _kind(name: str) -> str:
    return "counter" if name.endswith("_total") else "gauge"


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str, *, quote: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
