"""Put what the queue's benchmarks wrote with ``--json`` into docs/benchmarks/queue.md: tables, goals and plots.

Usage: ``python bench/queue_page.py OPERATIONS.json RESTART.json COMPACTION.json [FOLDER]``

In the page each table stands between ``<!-- name -->`` and ``<!-- end -->``; the words around them are written by hand.
"""

import json
import math
import os
import platform
import re
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 320, 70, 50, 50
COLOURS = {"queue": "#1b6ca8", "SQLite": "#c1666b", "whole file": "#8d99ae", "goal": "#2a9d8f"}
DECADES = ("0.5", "1", "2", "5", "10", "100", "1000", "10000", "100000")


def svg(title: str, body: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{LEFT}" y="24" font-size="15">{title}</text>'
    )
    return "\n".join([head, *body, "</svg>", ""])


class Scale:
    """Logarithmic, from the bottom to the top of the plot."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = math.log(low), math.log(high)

    def y(self, value: float) -> float:
        share = (math.log(value) - self._low) / (self._high - self._low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def lines(self, values: list[tuple[float, str]]) -> list[str]:
        return [
            f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{self.y(value):.1f}" y2="{self.y(value):.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{self.y(value) + 4:.1f}" text-anchor="end">{text}</text>'
            for value, text in values
        ]


def by_size(table: dict[str, dict[str, float]], operation: str) -> str:
    """Cost of an operation over the floor, against how many entries wait, for each design."""
    sizes = sorted(
        {int(name.split(", ")[1].split()[0].replace(",", "")) for name in table if f"queue {operation}, " in name}
    )
    series = {
        design: [table[f"{design} {operation}, {size:,} waiting"]["ratio"] for size in sizes]
        for design in ("queue", "SQLite", "whole file")
    }
    top = max(value for values in series.values() for value in values)
    scale = Scale(0.5, 1.5 * top)
    step = (WIDTH - LEFT - 140) / max(1, len(sizes) - 1)
    body = scale.lines([(float(text), f"{text}x") for text in DECADES if float(text) <= top])
    for place, size in enumerate(sizes):
        x = LEFT + 20 + place * step
        body.append(f'<text x="{x}" y="{HEIGHT - 25}" text-anchor="middle">{size:,} waiting</text>')
    for row, (design, values) in enumerate(series.items()):
        points = [(LEFT + 20 + place * step, scale.y(value)) for place, value in enumerate(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[design]}" stroke-width="2.5"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[design]}"/>' for x, y in points]
        body.append(f'<text x="{WIDTH - 110}" y="{TOP + 16 * row}" fill="{COLOURS[design]}">{design}</text>')
    return svg(f"{operation}: cost of one acknowledged operation / write + fdatasync", body)


def compaction(table: dict[str, dict[str, float]]) -> str:
    """How long operations wait, at the median and at the far end."""
    columns = ("median", "p99", "p99.9", "longest")
    high = 2 * max(50.0, *(row[column] for row in table.values() for column in columns))
    scale = Scale(0.05, high)
    body = scale.lines([(value, f"{value:g} ms") for value in (0.1, 1.0, 10.0, 100.0) if value < high])
    width = (WIDTH - LEFT - 40) / len(table)
    for place, (name, row) in enumerate(table.items()):
        for bar, column in enumerate(columns):
            x, y = LEFT + 15 + place * width + bar * width / 6, scale.y(max(row[column], 0.05))
            body.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width / 7:.1f}" height="{HEIGHT - BOTTOM - y:.1f}" '
                f'fill="{COLOURS["queue"]}" fill-opacity="{0.35 + 0.2 * bar}"><title>{column}</title></rect>'
            )
        x = LEFT + 15 + (place + 0.35) * width
        body.append(f'<text x="{x:.1f}" y="{HEIGHT - 28}" text-anchor="middle" font-size="11">{name}</text>')
    y = scale.y(50)
    body.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="{COLOURS["goal"]}"/>')
    body.append(f'<text x="{WIDTH - 90}" y="{y - 4:.1f}" fill="{COLOURS["goal"]}">goal 50 ms</text>')
    body.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" font-size="11">bars: {", ".join(columns)}</text>')
    return svg("how long an operation waits while a million entries are compacted", body)


IN_FLIGHT_GOAL = 15
Rows = dict[str, dict[str, float | str]]
HEADS = {
    "operations": "| case | us per acknowledged operation | floor, us | cost / floor | rate / floor rate |",
    "restart": "| queue | journal MB | open, CPU s | / read the bytes | memory MB | / journal |",
    "compaction": "| ms | operations | median | p99 | p99.9 | longest |",
    "goals": "| what | goal | here | |",
}


def goals(operations: Rows, restart: Rows, pauses: Rows, *, is_disturbed: bool) -> list[str]:
    """Each goal beside what was measured; the verdict in brackets where the machine had other work to do."""
    rows: list[tuple[str, float, float]] = []
    for operation in ("enqueue", "lease"):
        for size in ("100", "10,000", "1,000,000"):
            goal = 1.25 if (operation, size) == ("lease", "1,000,000") else 1.1
            name = f"queue {operation}, {size} waiting"
            rows.append((f"{operation} / floor, {size} waiting", goal, float(operations[name]["ratio"])))
    for name in ("waiting", "worked", "compacted"):
        rows.append((f"open a million ({name}) / read the bytes", 7.0, float(restart[name]["ratio"])))
        rows.append((f"memory of a million ({name}) / journal", 1.3, float(restart[name]["share"])))
    pause = float(pauses["during the compaction"]["p99.9"])
    rows.append(("p99.9 of an operation while a million compact, ms", 50.0, pause))
    in_flight = 1 / float(operations["rpc enqueue, 64 in flight"]["ratio"])
    verdicts = ["met" if found <= goal else "not met" for _, goal, found in rows]
    verdicts.append("met" if in_flight >= IN_FLIGHT_GOAL else "not met")
    lines = [f"| {what} | at most {goal:g} | {found:.2f} |" for what, goal, found in rows]
    lines.append(f"| rate with 64 in flight / floor rate | at least {IN_FLIGHT_GOAL} | {in_flight:.1f} |")
    shape = "({})" if is_disturbed else "{}"
    return [f"{line} {shape.format(verdict)} |" for line, verdict in zip(lines, verdicts, strict=True)]


def filled(page: str, name: str, lines: list[str], load: float | None) -> str:
    """The page with that table anew."""
    head = HEADS[name]
    said = (
        []
        if load is None
        else [f"CPython {platform.python_version()}, {os.cpu_count()} processors, load {load:.1f}.", ""]
    )
    body = "\n".join([f"<!-- {name} -->", *said, head, "|---" * (head.count("|") - 1) + "|", *lines, "<!-- end -->"])
    page, count = re.subn(rf"<!-- {name} -->.*?<!-- end -->", lambda _: body, page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"the page has {count} places for {name!r}")
    return page


def main() -> None:
    operations, restart, pauses = (json.loads(Path(path).read_text()) for path in sys.argv[1:4])
    folder = Path(sys.argv[4] if len(sys.argv) > 4 else "docs/benchmarks")
    for operation in ("enqueue", "lease"):
        (folder / f"queue-{operation}.svg").write_text(by_size(operations["rows"], operation))
    (folder / "queue-compaction.svg").write_text(compaction(pauses["rows"]))
    page = (folder / "queue.md").read_text()
    for name, measured in (("operations", operations), ("restart", restart), ("compaction", pauses)):
        page = filled(page, name, [str(row["cells"]) for row in measured["rows"].values()], measured["load"])
    is_disturbed = max(measured["load"] for measured in (operations, restart, pauses)) > 2 * (os.cpu_count() or 1)
    lines = goals(operations["rows"], restart["rows"], pauses["rows"], is_disturbed=is_disturbed)
    page = filled(page, "goals", lines, None)
    (folder / "queue.md").write_text(page)


if __name__ == "__main__":
    main()
