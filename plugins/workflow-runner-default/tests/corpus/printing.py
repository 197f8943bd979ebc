"""Prints digests of what must not depend on the order of sets: ``printing.py HOME``, HOME an empty folder.

A line for each: the compiled configuration and findings of every project, the schema for editors, every prompt and
every row of the journal of a project that is driven, and every file its runs left.
"""

import asyncio
import hashlib
import importlib.util
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.editor_schema import editor_schema

HERE = Path(__file__).parent
DRIVEN = "anchors"
OURS = {"pid", "start_time", "epoch"}
"""Columns that name a process."""


def _driving() -> Any:
    spec = importlib.util.spec_from_file_location("corpus_driving", HERE / "driving.py")
    module = sys.modules["corpus_driving"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRIVING = _driving()


class Printer:
    """Names what is printed and keeps it short."""

    def put(self, name: str, body: bytes) -> None:
        sys.stdout.write(json.dumps([name, hashlib.sha256(body).hexdigest()]) + "\n")


def print_configurations(printer: Printer, home: Path) -> None:
    for source in DRIVING.projects(HERE / "projects"):
        loaded = DRIVING.copied(source, home / source.name)
        printer.put(f"configuration of {source.name}", msgspec.json.encode(loaded.config))
        printer.put(f"findings in {source.name}", "\n".join(map(str, loaded.diagnostics)).encode())
    printer.put("schema", json.dumps(editor_schema()).encode())


def print_runs(printer: Printer, home: Path) -> None:
    """Runs one after the other: their order in the journal is no question of chance."""
    DRIVING.AT_ONCE = 1
    drive = DRIVING.Drive(home, DRIVING.copied(HERE / "projects" / DRIVEN, home))
    asked = []
    answer = DRIVING.Script.__call__

    async def listening(self, request, listener):
        asked.append(request)
        return await answer(self, request, listener)

    DRIVING.Script.__call__ = listening
    asyncio.run(drive.go())
    for number, request in enumerate(asked):
        printer.put(f"request {number} of {request.run_id}", msgspec.json.encode(request._replace(session="")))
    with sqlite3.connect(home / "state" / "workflow.db") as journal:
        print_rows(printer, journal)
    for file in sorted((home / "state" / "runs").rglob("*")):
        if file.is_file():
            printer.put(str(file.relative_to(home)), file.read_bytes())


def print_rows(printer: Printer, journal: sqlite3.Connection) -> None:
    tables = [name for (name,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    for table in tables:
        found = journal.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608 - a name out of the schema
        kept = [place for place, column in enumerate(found.description) if column[0] not in OURS]
        for number, row in enumerate(found):
            values = [row[place] for place in kept]
            printer.put(f"row {number} of {table}", b"\0".join(repr(value).encode() for value in values))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print_configurations(Printer(), place / "all")
    print_runs(Printer(), place / "one")
