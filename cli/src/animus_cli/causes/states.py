"""The states in which work can be, each with who has to act and the command that frees it.

`STATES` is read from the top; every row that holds is a cause. The first of them is what has to change first: what
is wrong with the entry or the run itself comes before what keeps all work from going on.
"""

from collections.abc import Callable
from typing import NamedTuple

from animus_cli.causes.picture import Picture
from animus_cli.table import parse_moment

__all__ = ["STATES", "Cause", "State", "explain"]

YOU, DAEMON, QUEUE, RUNNER, NOBODY = "you", "the daemon", "the queue", "the workflow runner", "nobody"
_PLUGIN_TROUBLE = frozenset({"backoff", "cooling_down"})


class Cause(NamedTuple):
    """One answer: the state's name, the cause in words, who owns it, and the command that frees it (or None)."""

    state: str
    cause: str
    owner: str
    command: str | None


class State(NamedTuple):
    """One row of the table. `cause` gives the cause in words, or None if the picture is another one."""

    name: str
    owner: str
    cause: Callable[[Picture], str | None]
    command: Callable[[Picture], str | None]


def explain(picture: Picture) -> list[Cause]:
    """Every cause that the picture shows; never empty."""
    causes: list[Cause] = []
    for state in STATES:
        text = state.cause(picture)
        if text is not None:
            causes.append(Cause(state.name, text, state.owner, state.command(picture)))
    if not causes:
        causes.append(Cause("unknown", "nothing that is on record explains it", YOU, "animus daemon events"))
    return causes


def _waiting(kind: str) -> Callable[[Picture], str | None]:
    def cause(picture: Picture) -> str | None:
        run = picture.run
        if run is None or run.status != "paused" or run.waiting is None or run.waiting.kind != kind:
            return None
        where = f" at phase {run.waiting.phase_id!r}" if run.waiting.phase_id else ""
        return f"run {run.id} waits{where}: {run.waiting.reason}"

    return cause


def _freeing(picture: Picture) -> str | None:
    return None if picture.run is None or picture.run.waiting is None else picture.run.waiting.command


def _ended(status: str) -> Callable[[Picture], str | None]:
    def cause(picture: Picture) -> str | None:
        if picture.run is None or picture.run.status != status or picture.entry is not None:
            return None
        reason = f": {picture.run.reason}" if picture.run.reason and status != "completed" else ""
        return f"run {picture.run.id} of {picture.run.definition!r} {status}{reason}"

    return cause


def _about_run(picture: Picture) -> str | None:
    return None if picture.run is None else f"animus workflow get {picture.run.id}"


def _again(picture: Picture) -> str | None:
    if picture.run is None:
        return None
    about = f" --subject {picture.subject.id}" if picture.subject is not None else ""
    return f"animus workflow run {picture.run.definition}{about}"


def _blocked(picture: Picture) -> str | None:
    subject = picture.subject
    if subject is None or subject.status.value != "blocked" or picture.entry is not None:
        return None
    return f"{subject.id} is blocked"


def _unasked(picture: Picture) -> str | None:
    subject = picture.subject
    if subject is None or subject.status.value != "ready" or picture.entry is not None:
        return None
    return f"{subject.id} is ready, and no work on it was asked for" if picture.run is None else None


def _settled(picture: Picture) -> str | None:
    subject = picture.subject
    is_settled = subject is not None and subject.status.value in {"done", "cancelled"} and picture.entry is None
    return f"{subject.id} is {subject.status.value}" if subject is not None and is_settled else None


def _held(picture: Picture) -> str | None:
    entry = picture.entry
    if entry is None or entry.status != "held":
        return None
    return f"entry {entry.id} is held: {entry.hold_reason or 'no reason was given'}"


def _not_due(picture: Picture) -> str | None:
    moment = parse_moment(picture.entry.run_at) if _is_pending(picture) and picture.entry is not None else None
    return f"it is not due before {moment.isoformat()}" if moment is not None and moment > picture.now else None


def _disabled(picture: Picture) -> str | None:
    if not _is_pending(picture) or picture.entry is None:
        return None
    ref = picture.entry.workflow_ref
    reason = picture.disabled.get(ref.lower())
    return None if reason is None else f"workflow {ref!r} is disabled: {reason}"


def _unknown_workflow(picture: Picture) -> str | None:
    if not _is_pending(picture) or picture.entry is None or picture.workflows is None:
        return None
    ref = picture.entry.workflow_ref
    is_known = ref.lower() in picture.workflows or ref.lower() in picture.disabled
    return None if is_known else f"the project has no workflow {ref!r} any more"


def _subject_busy(picture: Picture) -> str | None:
    entry = picture.entry
    if entry is None or not _is_pending(picture):
        return None
    others = (row for row in picture.entries if row.id != entry.id and row.subject_id == entry.subject_id)
    busy = next((row for row in others if row.status == "assigned"), None)
    return None if busy is None else f"{entry.subject_id} is being worked on: {busy.workflow_id or busy.id}"


def _busy_command(picture: Picture) -> str | None:
    entry = picture.entry
    rows = [row for row in picture.entries if entry is not None and row.subject_id == entry.subject_id]
    busy = next((row for row in rows if row.status == "assigned"), None)
    return None if busy is None else f"animus why {busy.workflow_id or busy.id}"


def _lease_lapsed(picture: Picture) -> str | None:
    entry = picture.entry
    moment = None if entry is None or entry.status != "assigned" else parse_moment(entry.lease_expires_at)
    if entry is None or moment is None or moment >= picture.now or _is_at_rest(picture):
        return None
    return f"the lease of {entry.lease_owner!r} ran out at {moment.isoformat()} and nobody renewed it"


def _no_daemon(picture: Picture) -> str | None:
    return "no daemon runs" if _wants_daemon(picture) and not picture.daemon.running else None


def _daemon_paused(picture: Picture) -> str | None:
    waits = _wants_start(picture) and picture.daemon.running and picture.daemon.paused
    return "the daemon is paused and starts nothing" if waits else None


def _daemon_draining(picture: Picture) -> str | None:
    waits = _wants_start(picture) and picture.daemon.running and picture.daemon.draining
    return "the daemon is draining: it starts nothing and ends when no run is under way" if waits else None


def _plugin_trouble(picture: Picture) -> str | None:
    if not _wants_daemon(picture) or picture.health is None:
        return None
    rows = [row for row in picture.health.plugins if row.status in _PLUGIN_TROUBLE]
    texts = [f"{row.name} ({', '.join(row.kinds)}) is {row.status.replace('_', ' ')}: {row.last_error}" for row in rows]
    return "; ".join(texts) or None


def _no_capacity(picture: Picture) -> str | None:
    active, size = picture.daemon.active_runs, picture.daemon.pool_size
    if not _wants_start(picture) or not picture.daemon.running or active is None or size is None or active < size:
        return None
    return f"all {size} slots are taken"


def _behind(picture: Picture) -> str | None:
    entry = picture.entry
    if entry is None or not _is_pending(picture) or _not_due(picture) is not None:
        return None
    before = 0
    for row in picture.entries:
        if row.id == entry.id:
            break
        due = parse_moment(row.run_at)
        before += row.status == "pending" and (due is None or due <= picture.now)
    return f"{before} entries stand before it" if before else None


def _running(picture: Picture) -> str | None:
    run = picture.run
    if run is None or run.status != "running" or not picture.daemon.running:
        return None
    attempt = f", attempt {run.attempt}" if run.attempt is not None and run.attempt > 1 else ""
    return f"run {run.id} is under way: phase {run.current_phase!r}{attempt}"


def _starting(picture: Picture) -> str | None:
    is_next = _wants_start(picture) and picture.daemon.running and not picture.daemon.paused
    others = (_not_due, _disabled, _unknown_workflow, _subject_busy, _no_capacity, _behind, _daemon_draining)
    return "it is next" if is_next and all(other(picture) is None for other in others) else None


def _is_pending(picture: Picture) -> bool:
    return picture.entry is not None and picture.entry.status == "pending"


def _is_at_rest(picture: Picture) -> bool:
    """Whether its run waits for a person."""
    return picture.run is not None and picture.run.status == "paused" and picture.run.waiting is not None


def _wants_start(picture: Picture) -> bool:
    return _is_pending(picture) or (picture.run is not None and picture.run.status == "pending")


def _wants_daemon(picture: Picture) -> bool:
    under_way = picture.run is not None and picture.run.status in {"running", "pending"}
    return (_is_pending(picture) or under_way) and not _is_at_rest(picture)


def _say(command: str) -> Callable[[Picture], str | None]:
    """A command that is the same every time, with the entry, subject or target put in."""

    def text(picture: Picture) -> str | None:
        entry = "" if picture.entry is None else picture.entry.id
        subject = "" if picture.subject is None else picture.subject.id
        return command.format(entry=entry, subject=subject, target=picture.target)

    return text


def _none(_: Picture) -> str | None:
    return None


STATES = (
    State("gate", YOU, _waiting("gate"), _freeing),
    State("may-have-had-effects", YOU, _waiting("blocked"), _freeing),
    State("merge-stopped", YOU, _waiting("merge"), _freeing),
    State("paused-by-request", YOU, _waiting("paused"), _freeing),
    State("held", YOU, _held, _say("animus queue release {entry}")),
    State("workflow-disabled", YOU, _disabled, _say("animus workflow config validate")),
    State("workflow-gone", YOU, _unknown_workflow, _say("animus workflow config validate")),
    State("not-due", QUEUE, _not_due, _say("animus queue drop {entry}")),
    State("subject-busy", QUEUE, _subject_busy, _busy_command),
    State("daemon-not-running", YOU, _no_daemon, _say("animus daemon start")),
    State("daemon-paused", YOU, _daemon_paused, _say("animus daemon resume")),
    State("daemon-draining", DAEMON, _daemon_draining, _say("animus daemon restart")),
    State("plugin-trouble", DAEMON, _plugin_trouble, _say("animus daemon health")),
    State("lease-lapsed", DAEMON, _lease_lapsed, _say("animus daemon restart")),
    State("no-capacity", DAEMON, _no_capacity, _say("animus daemon config --pool-size N")),
    State("behind-others", QUEUE, _behind, _say("animus queue reorder {entry}")),
    State("next", DAEMON, _starting, _say("animus daemon events --follow")),
    State("running", RUNNER, _running, _about_run),
    State("failed", YOU, _ended("failed"), _about_run),
    State("escalated", YOU, _ended("escalated"), _about_run),
    State("cancelled", YOU, _ended("cancelled"), _again),
    State("blocked", YOU, _blocked, _say("animus subject status {subject} ready")),
    State("completed", NOBODY, _ended("completed"), _none),
    State("settled", NOBODY, _settled, _none),
    State("not-asked-for", YOU, _unasked, _say("animus queue enqueue --subject {subject}")),
)
