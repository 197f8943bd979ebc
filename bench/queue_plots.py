"""Draw the plots of docs/benchmarks/queue.md from what the queue's benchmarks wrote with ``--json``.

Usage: ``python bench/queue_plots.py OPERATIONS.json COMPACTION.json [FOLDER]``
"""

import json
import math
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


def main() -> None:
    operations, pauses = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else "docs/benchmarks")
    for operation in ("enqueue", "lease"):
        (folder / f"queue-{operation}.svg").write_text(by_size(operations, operation))
    (folder / "queue-compaction.svg").write_text(compaction(pauses))


if __name__ == "__main__":
    main()
