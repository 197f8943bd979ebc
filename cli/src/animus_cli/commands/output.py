"""``output read`` and ``output phase-outputs``: what the phases of a run wrote, from the files it left."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.table import Column, table
from animus_cli.terminal import Screen, clean
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control

__all__ = ["phase_outputs", "read"]

_NAME = re.compile(r"(?P<phase>.+)\.attempt-(?P<attempt>\d+)\.(?:(?P<stream>stdout|stderr|context)\.(?:log|json)|log)")
_READ_BYTES = 1024 * 1024
_RUN = ["run"]


class _Output(NamedTuple):
    """A file that a run left.

    Attributes:
        phase: the phase, or the call of a provider that the notes are from.
        stream: ``stdout``, ``stderr``, ``context``, ``agent`` (what it said and which tools it used) or ``notes``
            (all that its provider sent, as it came).
    """

    phase: str
    attempt: int | None
    stream: str
    path: Path
    bytes: int


@command(
    "phase-outputs",
    "List what the phases of a run wrote: one row a file, with its size and where it is.",
    click.Argument(_RUN, metavar="RUN"),
    click.Option(["--phase"], metavar="PHASE", help="Only this phase."),
    *page_options(),
)
def phase_outputs(invocation: Invocation, *, run: str, phase: str | None, limit: int, offset: int) -> None:
    """The files of a run."""
    run_id, outputs = _outputs(invocation, run, phase)
    page, place = page_of(outputs, limit=limit, offset=offset)
    rows = [output._asdict() | {"path": str(output.path)} for output in page]
    record = {"id": run_id, "outputs": rows, "total": place.total}
    more = [place.more] if place.more else []
    invocation.show(record, lambda screen: [*_rows(page, screen), *more])


@command(
    "read",
    "Print what the phases of a run wrote; of each file the last lines.",
    click.Argument(_RUN, metavar="RUN"),
    click.Option(["--phase"], metavar="PHASE", help="Only this phase."),
    click.Option(
        ["--stream"], type=click.Choice(["stdout", "stderr", "agent"]), metavar="stdout|stderr|agent", help="Only this."
    ),
    click.Option(
        ["--limit"], type=click.IntRange(min=1), default=200, show_default=True, metavar="N", help="Lines a file."
    ),
)
def read(invocation: Invocation, *, run: str, phase: str | None, stream: str | None, limit: int) -> None:
    """The ends of the files of a run."""
    run_id, outputs = _outputs(invocation, run, phase)
    told = {"stdout", "stderr", "agent"} if stream is None else {stream}
    chosen = [output for output in outputs if output.stream in told]
    texts = [(output, _tail(output, limit)) for output in chosen]
    record = {
        "id": run_id,
        "outputs": [
            {"phase": one.phase, "attempt": one.attempt, "stream": one.stream, "lines": lines} for one, lines in texts
        ],
    }
    invocation.show(record, lambda screen: _texts(texts, screen))


def _outputs(invocation: Invocation, run: str, phase: str | None) -> tuple[str, list[_Output]]:
    """The run's id and its files, in the order in which they were written.

    Raises:
        CommandError: the run has no such phase with files.
    """
    found: control.WorkflowGetResult = invocation.call(OPERATIONS["workflow/get"], control.WorkflowGetParams(id=run))
    state = invocation.project().state_dir
    outputs = [*_phase_files(state / "runs" / found.id), *_agent_files(state / "logs" / "runs" / found.id)]
    names = sorted({output.phase for output in outputs if output.attempt is not None})
    if phase is not None:
        outputs = [output for output in outputs if output.phase == phase or output.attempt is None]
        if phase not in names:
            message = f"run {found.id!r} has no output of phase {phase!r}; there is: {', '.join(names) or 'none'}"
            raise CommandError("not_found", message, next_step=f"animus output phase-outputs {found.id}")
    return found.id, sorted(outputs, key=lambda output: output.path.stat().st_mtime_ns)


def _phase_files(directory: Path) -> list[_Output]:
    found: list[_Output] = []
    for path in directory.glob("*.attempt-*"):
        match = _NAME.fullmatch(path.name)
        if match is not None:
            stream = match["stream"] or "agent"
            found.append(_Output(match["phase"], int(match["attempt"]), stream, path, path.stat().st_size))
    return found


def _agent_files(directory: Path) -> list[_Output]:
    """What providers sent; a file is one call of a provider, not of one phase."""
    return [_Output(path.stem, None, "notes", path, path.stat().st_size) for path in directory.glob("*.jsonl")]


def _tail(output: _Output, limit: int) -> list[str]:
    with output.path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _READ_BYTES, 0))
        return file.read().decode(errors="replace").splitlines()[-limit:]


def _rows(outputs: list[_Output], screen: Screen) -> list[str]:
    if not outputs:
        return ["The run has written nothing."]
    columns = [
        Column("PHASE", flexible=True),
        Column("ATTEMPT", right=True),
        Column("STREAM"),
        Column("BYTES", right=True),
        Column("FILE"),
    ]
    rows = [
        [one.phase, "" if one.attempt is None else str(one.attempt), one.stream, str(one.bytes), str(one.path)]
        for one in outputs
    ]
    return table(columns, rows, screen)


def _texts(texts: list[tuple[_Output, list[str]]], screen: Screen) -> list[str]:
    lines: list[str] = []
    for output, text in texts:
        if text:
            attempt = "" if output.attempt is None else f", attempt {output.attempt}"
            lines += [screen.paint(f"{output.phase}{attempt}, {output.stream}:", "bold")]
            lines += ["  " + clean(line.expandtabs()) for line in text]
    return lines or ["The run has written nothing."]
