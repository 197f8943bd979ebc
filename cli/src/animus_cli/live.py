"""Following a run: one view that is redrawn in place on a terminal, plain lines elsewhere.

There is no timer: the view changes when something happened, and shows since when a phase is under way.
"""

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TextIO

from animus_cli.json_value import json_object
from animus_cli.spending import Spent, spent_in, spent_text, total_of
from animus_cli.table import Column, duration, table
from animus_cli.terminal import Screen, clean, fit
from animus_plugin_protocol.wire.control import WorkflowEvent

__all__ = [
    "GATE",
    "RUN_ENDINGS",
    "LineProgress",
    "PhaseLine",
    "Progress",
    "RunProgress",
    "ViewProgress",
    "progress_on",
    "summary",
]

RUN_ENDINGS = frozenset({"run_completed", "run_failed", "run_escalated", "run_cancelled", "run_paused"})
"""Kinds of events after which a run does nothing until somebody acts."""
GATE = "manual_pending"
"""The status of a phase that waits for a person."""
ASKS, GOES_ON = "phase_waiting", "phase_resumed"
"""Kinds of events: the agent of a phase asks a person something and waits; it goes on."""
WAITS = "waiting"
"""What is shown as the status of a phase whose agent asks."""
_VIEW_WIDTH = 64
"""A view whose lines are wrapped by a narrower terminal cannot be drawn over itself."""
_VIEW_HEIGHT = 8
_COLUMNS = [
    Column("PHASE", flexible=True),
    Column("MODE"),
    Column("STATUS", status=True),
    Column("STARTED"),
    Column("TOOK", right=True),
    Column("REASON", flexible=True),
]
_AROUND = 4
"""Lines of the view above and below its table."""
_MARKS = {"completed": "✓", "failed": "✗", "rework": "↺", GATE: "?", WAITS: "?", "closed": "·"}


class PhaseLine(NamedTuple):
    """One attempt at a phase, as far as it is known."""

    phase_id: str
    attempt: int
    mode: str = ""
    status: str = "running"
    since: datetime.datetime | None = None
    seconds: float | None = None
    reason: str = ""
    spent: Spent = Spent()


class RunProgress:
    """What the events of one run add up to.

    Attributes:
        phases: the attempts, in the order they were started.
        status: ``running``, or how the run ended.
        run_id: the run, once something happened to it.
        workflow: its workflow, if that was said.
    """

    def __init__(self) -> None:
        self.phases: list[PhaseLine] = []
        self.status = "running"
        self.reason = ""
        self.run_id = ""
        self.workflow = ""
        self._began: datetime.datetime | None = None
        self._latest: datetime.datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long the run has been followed, waits included."""
        return None if self._began is None or self._latest is None else (self._latest - self._began).total_seconds()

    def apply(self, event: WorkflowEvent) -> PhaseLine | None:
        """Take an event in; returns the attempt it was about, if it was about one."""
        payload = json_object(event.payload)
        self.run_id = event.workflow_id
        self._began, self._latest = self._began or event.occurred_at, event.occurred_at
        if event.kind == "phase_started":
            line = PhaseLine(
                phase_id=str(payload.get("phase_id", "")),
                attempt=_attempt(payload),
                mode=str(payload.get("mode") or ""),
                since=event.occurred_at,
            )
            self.phases.append(line)
            return line
        if event.kind in {"phase_decision", "phase_completed"}:
            return self._settle(event, payload)
        if event.kind in {ASKS, GOES_ON}:
            return self._turn(event, payload)
        if event.kind == "run_started":
            self.status, self.reason = "running", ""
            self.workflow = str(payload.get("workflow_ref") or self.workflow)
            # A run goes on after a gate only if somebody let it pass.
            self.phases = [line._replace(status="completed") if line.status == GATE else line for line in self.phases]
        elif event.kind in RUN_ENDINGS:
            self.status = str(payload.get("status") or event.kind.removeprefix("run_"))
            self.reason = str(payload.get("reason") or "")
        return None

    def _turn(self, event: WorkflowEvent, payload: dict[str, Any]) -> PhaseLine | None:
        """The agent of a phase waits for a person, or does not any more."""
        phase_id = str(payload.get("phase_id", ""))
        index = next((i for i in reversed(range(len(self.phases))) if self.phases[i].phase_id == phase_id), None)
        if index is None:
            return None
        if event.kind == GOES_ON:
            line = self.phases[index]._replace(status="running", reason="")
        else:
            command = json_object(payload.get("waiting")).get("command")
            reason = str(payload.get("reason") or "the agent asks")
            line = self.phases[index]._replace(status=WAITS, reason=f"{reason}; next: {command}" if command else reason)
        self.phases[index] = line
        return line

    def _settle(self, event: WorkflowEvent, payload: dict[str, Any]) -> PhaseLine | None:
        phase_id = str(payload.get("phase_id", ""))
        index = next((i for i in reversed(range(len(self.phases))) if self.phases[i].phase_id == phase_id), None)
        if index is None:
            index = len(self.phases)
            self.phases.append(PhaseLine(phase_id, _attempt(payload), mode=str(payload.get("mode") or "")))
        line = self.phases[index]
        reason = str(payload.get("reason") or "") or line.reason
        if event.kind == "phase_decision":
            line = line._replace(reason=reason)
        else:
            seconds = payload.get("duration_secs")
            if seconds is None and line.since is not None:
                seconds = (event.occurred_at - line.since).total_seconds()
            status = str(payload.get("status") or "completed")
            line = line._replace(status=status, seconds=seconds, reason=reason, spent=spent_in(payload))
        self.phases[index] = line
        return line


class Progress(Protocol):
    """Shows a run while it goes on."""

    def show(self, event: WorkflowEvent) -> None:
        """Take an event in and show it."""

    def finish(self) -> None:
        """The run has ended or is left alone; leave the screen in order."""


class LineProgress:
    """A line per event, for files and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._run = RunProgress()

    def show(self, event: WorkflowEvent) -> None:
        """Print what happened."""
        line = self._run.apply(event)
        when = event.occurred_at.astimezone().strftime("%H:%M:%S")
        if event.kind == "phase_decision":
            return
        if line is not None:
            self._write(f"{when}  {_name(line)} goes on" if event.kind == GOES_ON else f"{when}  {_line_text(line)}")
        elif event.kind in RUN_ENDINGS:
            reason = f": {_first_line(self._run.reason)}" if self._run.reason else ""
            self._write(f"{when}  run {self._run.status}{reason}")
        elif event.kind == "run_started":
            self._write(f"{when}  run {'goes on' if self._run.phases else 'started'} ({event.workflow_id})")

    def finish(self) -> None:
        """Nothing is open."""


class ViewProgress:
    """The whole run in one view that is drawn over itself."""

    def __init__(self, stream: TextIO, screen: Screen, *, height: int) -> None:
        self._stream = stream
        self._screen = screen
        self._height = max(height - 2 - _AROUND, 2)
        self._run = RunProgress()
        self._drawn = 0

    def show(self, event: WorkflowEvent) -> None:
        """Redraw with what happened."""
        self._run.apply(event)
        lines = self._lines()
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._stream.write("\r" + up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._stream.flush()
        self._drawn = len(lines)

    def finish(self) -> None:
        """The view stays as it is; what follows is printed below it."""
        self._drawn = 0

    def _lines(self) -> list[str]:
        rows = [
            [
                f"{_MARKS.get(line.status, '▸')} {_name(line)}",
                line.mode,
                "waiting" if line.status == GATE else line.status,
                "" if line.since is None else f"{line.since.astimezone():%H:%M:%S}",
                duration(line.seconds),
                _first_line(line.reason),
            ]
            for line in self._run.phases
        ]
        lines = table(_COLUMNS, rows, self._screen)
        return [self._heading(), "", lines[0], *lines[1:][-self._height :], "", self._summary()]

    def _heading(self) -> str:
        run, paint = self._run, self._screen.paint
        return f"{paint(clean(run.workflow) or 'run', 'bold')} {paint(clean(run.run_id), 'dim')}"

    def _summary(self) -> str:
        run = self._run
        status = self._screen.status(run.status)
        return f"{status}  {self._screen.paint(summary(run.phases, run.seconds), 'dim')}"


def progress_on(stream: TextIO, screen: Screen, *, height: int) -> Progress:
    """The way to show progress that fits `stream`: the view on a terminal that is wide enough, else lines."""
    is_large = screen.width is not None and screen.width >= _VIEW_WIDTH and height >= _VIEW_HEIGHT
    if is_large and screen.colour:
        return ViewProgress(stream, screen, height=height)

    def write(text: str) -> None:
        stream.write((text if screen.width is None else fit(text, screen.width)) + "\n")
        stream.flush()

    return LineProgress(write)


def summary(phases: list[PhaseLine], seconds: float | None) -> str:
    """What a run came to, on one line: attempts, how many were sent back, the time, and what agents used."""
    back = sum(line.status == "rework" for line in phases)
    parts = [
        f"{len(phases)} attempt{'s' * (len(phases) != 1)}",
        f"{back} sent back" if back else "",
        duration(seconds),
        spent_text(total_of(line.spent for line in phases)),
    ]
    return ", ".join(part for part in parts if part)


def _line_text(line: PhaseLine) -> str:
    if line.status == "running":
        return f"{_name(line)} started ({line.mode or 'phase'})"
    if line.status == GATE:
        return f"{_name(line)} waits for a person"
    if line.status == WAITS:
        return f"{_name(line)} waits: {_first_line(line.reason)}"
    took = f" after {duration(line.seconds)}" if line.seconds is not None else ""
    reason = f": {_first_line(line.reason)}" if line.reason else ""
    return f"{_name(line)} {line.status}{took}{reason}"


def _name(line: PhaseLine) -> str:
    return line.phase_id if line.attempt == 1 else f"{line.phase_id} #{line.attempt}"


def _first_line(text: str) -> str:
    return clean(text.strip().partition("\n")[0])


def _attempt(payload: dict[str, Any]) -> int:
    attempt = payload.get("attempt")
    return attempt if isinstance(attempt, int) else 1
