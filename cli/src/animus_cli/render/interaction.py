"""What agents ask."""

from typing import Any

import msgspec

from animus_cli.json_value import json_array
from animus_cli.table import Column, ago, facts, paragraph, parse_moment, table
from animus_cli.terminal import Screen, clean

__all__ = ["one", "page"]

_COLUMNS = [
    Column("ID"),
    Column("KIND"),
    Column("RUN"),
    Column("PHASE", flexible=True),
    Column("ASKED"),
    Column("STATUS", status=True),
    Column("WHAT", flexible=True),
]


def page(rows: list[dict[str, Any]], screen: Screen) -> list[str]:
    """A row each, then the commands that answer them."""
    if not rows:
        return ["No agent asks anything."]
    cells = [
        [
            str(row.get("interaction_id") or ""),
            str(row.get("kind") or ""),
            str(row.get("run") or ""),
            str(row.get("path") or row.get("phase_id") or ""),
            ago(parse_moment(row.get("asked_at")), screen),
            str(row.get("status") or ""),
            _what(row),
        ]
        for row in rows
    ]
    lines = table(_COLUMNS, cells, screen)
    return [*lines, *(line for row in rows[:1] for line in _next(row))]


def one(row: dict[str, Any], screen: Screen) -> list[str]:
    """Everything about one of them."""
    lines = facts(
        [
            ("interaction", str(row.get("interaction_id") or "")),
            ("kind", str(row.get("kind") or "")),
            ("run", str(row.get("run") or "")),
            ("phase", str(row.get("path") or row.get("phase_id") or "")),
            ("status", str(row.get("status") or "")),
            ("asked", ago(parse_moment(row.get("asked_at")), screen)),
            ("open until", str(row.get("expires_at") or "")),
            ("tool", str(row.get("tool") or "")),
            ("answered by", str(row.get("answered_by") or "")),
        ],
        screen,
    )
    if row.get("question"):
        lines += ["", *paragraph(str(row["question"]), screen)]
    lines += [f"  - {clean(str(option))}" for option in json_array(row.get("options"))]
    if row.get("arguments") is not None:
        shown = msgspec.json.format(msgspec.json.encode(row["arguments"]), indent=2).decode().splitlines()
        lines += ["", *("  " + clean(line) for line in shown)]
    return [*lines, "", *_next(row)] if row.get("status") == "pending" else lines


def _what(row: dict[str, Any]) -> str:
    if row.get("question"):
        return str(row["question"])
    arguments = row.get("arguments")
    return f"{row.get('tool') or ''} {'' if arguments is None else msgspec.json.encode(arguments).decode()}".strip()


def _next(row: dict[str, Any]) -> list[str]:
    if row.get("status") != "pending":
        return []
    command = f"next: animus agent interactions answer {row.get('interaction_id')}"
    if row.get("kind") == "question":
        return [f'{command} --text "..."']
    return [f"{command} --allow", f"{command} --deny"]
