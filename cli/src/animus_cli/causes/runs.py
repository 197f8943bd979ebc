"""What keeps a run where it is: what it waits for, why it ended, and what its agent has trouble with."""

import re
from collections.abc import Callable
from typing import Any

from animus_cli.causes.entries import is_pending
from animus_cli.causes.picture import Picture
from animus_cli.json_value import json_array, json_object
from animus_cli.table import parse_moment

__all__ = [
    "agent_tries_again",
    "agent_trouble",
    "ended",
    "ended_because",
    "gate_expired",
    "interaction",
    "merge_because",
    "nobody_executes",
    "running",
    "waiting",
]

_PLACEHOLDER = "..."
_UNSUCCESSFUL = frozenset({"failed", "escalated"})


def waiting(kind: str) -> Callable[[Picture], str | None]:
    """The run is parked and waits for this kind of act."""

    def cause(picture: Picture) -> str | None:
        run = picture.run
        if run is None or run.status != "paused" or run.waiting is None or run.waiting.kind != kind:
            return None
        return _waits(picture)

    return cause


def gate_expired(picture: Picture) -> str | None:
    """The time of the gate is over."""
    run = picture.run
    if run is None or run.status != "paused" or run.waiting is None or run.waiting.kind != "gate":
        return None
    moment = parse_moment(run.waiting.expires_at)
    if moment is None or moment > picture.now:
        return None
    return f"the gate {run.waiting.phase_id!r} of run {run.id} was open until {moment.isoformat()}; the run is to fail"


def merge_because(text: str) -> Callable[[Picture], str | None]:
    """The run's merge stopped for this reason."""
    stopped = waiting("merge")

    def cause(picture: Picture) -> str | None:
        words = stopped(picture)
        return words if words is not None and text in words else None

    return cause


def interaction(kind: str) -> Callable[[Picture], str | None]:
    """The run's agent waits for an answer; the run itself counts as running."""

    def cause(picture: Picture) -> str | None:
        run = picture.run
        if run is None or run.waiting is None or run.waiting.kind != "interaction":
            return None
        return _waits(picture) if run.waiting.interaction_kind == kind else None

    return cause


def ended(status: str) -> Callable[[Picture], str | None]:
    """The run ended so."""

    def cause(picture: Picture) -> str | None:
        if picture.run is None or picture.run.status != status or _is_asked_anew(picture):
            return None
        reason = f": {picture.run.reason}" if picture.run.reason and status != "completed" else ""
        return f"run {picture.run.id} of {picture.run.definition!r} {status}{reason}"

    return cause


def ended_because(text: str) -> Callable[[Picture], str | None]:
    """The run failed or escalated with a reason that holds `text`; ``...`` in it stands for anything."""
    pattern = re.compile(".*".join(re.escape(part) for part in text.split(_PLACEHOLDER)))

    def cause(picture: Picture) -> str | None:
        run = picture.run
        if run is None or run.status not in _UNSUCCESSFUL or _is_asked_anew(picture):
            return None
        found = pattern.search(run.reason or "")
        return None if found is None else f"run {run.id} {run.status}: {_line_around(run.reason or '', found.start())}"

    return cause


def agent_trouble(failure: str) -> Callable[[Picture], str | None]:
    """The latest call of the run's agent failed in this way, and no other target was left."""

    def cause(picture: Picture) -> str | None:
        call = _latest_call(picture)
        if picture.run is None or call.get("status") != "failed" or call.get("failure") != failure:
            return None
        return f"{call.get('target') or 'the agent'} of run {picture.run.id}: {call.get('reason') or failure}"

    return cause


def agent_tries_again(picture: Picture) -> str | None:
    """The run's agent failed and is asked again."""
    call, run = _latest_call(picture), picture.run
    tries = call.get("try")
    if run is None or run.status != "running" or call.get("status") != "running" or not isinstance(tries, int):
        return None
    return f"run {run.id}: {call.get('target') or 'the agent'} is tried for the {tries}. time" if tries > 1 else None


def running(picture: Picture) -> str | None:
    """The run is under way, and nobody has to act."""
    run = picture.run
    if run is None or run.status != "running" or run.waiting is not None or not picture.daemon.running:
        return None
    attempt = f", attempt {run.attempt}" if run.attempt is not None and run.attempt > 1 else ""
    return f"run {run.id} is under way: phase {run.current_phase!r}{attempt}"


def nobody_executes(picture: Picture) -> str | None:
    """The journal calls the run running, and no entry of the queue stands for it."""
    run = picture.run
    if run is None or run.status != "running" or picture.entry is not None or is_pending(picture):
        return None
    return f"run {run.id} is on record as running, and no entry of the queue stands for it" if picture.entries else None


def _is_asked_anew(picture: Picture) -> bool:
    """Whether more work follows the run. Its own entry, still leased, only has not heard yet that the run has ended."""
    entry, run = picture.entry, picture.run
    is_own = entry is not None and run is not None and entry.workflow_id == run.id and entry.status == "assigned"
    return entry is not None and not is_own


def _waits(picture: Picture) -> str:
    run = picture.run
    if run is None or run.waiting is None:
        raise LookupError("nothing waits")
    where = f" at phase {run.waiting.phase_id!r}" if run.waiting.phase_id else ""
    return f"run {run.id} waits{where}: {run.waiting.reason}"


def _latest_call(picture: Picture) -> dict[str, Any]:
    calls = json_array(picture.phase.get("calls"))
    return json_object(calls[-1]) if calls else {}


def _line_around(text: str, index: int) -> str:
    return text[text.rfind("\n", 0, index) + 1 :].partition("\n")[0].strip()
