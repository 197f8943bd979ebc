"""What a row of the table of states is, and the answer made from one that holds."""

from collections.abc import Callable
from typing import NamedTuple

from animus_cli.causes.picture import Picture

__all__ = ["Cause", "State", "cause_of", "freeing"]


class Cause(NamedTuple):
    """One answer: the state's name, the cause in words, who owns it, and the command that frees it (or None)."""

    state: str
    cause: str
    owner: str
    command: str | None


class State(NamedTuple):
    """One row of the table.

    Attributes:
        name: the state's id; scripts may rely on it.
        about: what it means, for the page of states.
        owner: who has to act.
        command: what frees it; ``{run}``, ``{entry}``, ``{subject}`` and so on are put in. None: nothing does.
        cause: the cause in words, or None if the picture is another one.
    """

    name: str
    about: str
    owner: str
    command: str | None
    cause: Callable[[Picture], str | None]


def cause_of(state: State, picture: Picture) -> Cause | None:
    """The answer of one row, or None if it does not hold."""
    text = state.cause(picture)
    if text is None:
        return None
    command = None if state.command is None else state.command.format_map(_named(picture)).strip()
    return Cause(state.name, text, state.owner, command)


def freeing(picture: Picture) -> str:
    """The command that a waiting run names itself."""
    return "" if picture.run is None or picture.run.waiting is None else picture.run.waiting.command


def _named(picture: Picture) -> dict[str, str]:
    entry, run, subject = picture.entry, picture.run, picture.subject
    busy = next((row for row in picture.entries if entry is not None and row.subject_id == entry.subject_id
                 and row.status == "assigned"), None)  # fmt: skip
    about = subject.id if subject is not None else None if run is None else run.subject_id
    return {
        "target": picture.target,
        "entry": "" if entry is None else entry.id,
        "run": "" if run is None else run.id,
        "subject": "" if subject is None else subject.id,
        "workflow": "" if run is None else run.definition,
        "about": "" if about is None or about.startswith(("custom:", "schedule:")) else f"--subject {about}",
        "busy": "" if busy is None else busy.workflow_id or busy.id,
        "schedule": "" if picture.schedule is None else picture.schedule.id,
        "untrusted": next(iter(picture.untrusted), ""),
        "freeing": freeing(picture),
    }
