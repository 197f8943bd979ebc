"""What keeps an entry of the queue, a subject or a schedule where it is."""

from collections.abc import Callable

from animus_cli.causes.picture import Picture
from animus_cli.table import parse_moment

__all__ = [
    "behind",
    "blocked",
    "disabled",
    "held",
    "is_pending",
    "left",
    "not_due",
    "schedule_late",
    "schedule_off",
    "schedule_unheard",
    "schedule_waits",
    "settled",
    "subject_busy",
    "subject_gone",
    "unasked",
    "unknown_workflow",
]

_KEPT_NOWHERE = ("custom:", "schedule:")
"""Kinds of subjects that no backend keeps."""

_EXPIRY_SWEEP = "expiry-sweep"


def is_pending(picture: Picture) -> bool:
    """Whether the entry waits to be leased."""
    return picture.entry is not None and picture.entry.status == "pending"


def held(picture: Picture) -> str | None:
    """Somebody keeps the entry from being started."""
    entry = picture.entry
    if entry is None or entry.status != "held":
        return None
    return f"entry {entry.id} is held: {entry.hold_reason or 'no reason was given'}"


def not_due(picture: Picture) -> str | None:
    """Its moment has not come."""
    moment = parse_moment(picture.entry.run_at) if is_pending(picture) and picture.entry is not None else None
    return f"it is not due before {moment.isoformat()}" if moment is not None and moment > picture.now else None


def disabled(picture: Picture) -> str | None:
    """Its workflow cannot be run."""
    if not is_pending(picture) or picture.entry is None:
        return None
    ref = picture.entry.workflow_ref
    reason = picture.disabled.get(ref.lower())
    return None if reason is None else f"workflow {ref!r} is disabled: {reason}"


def unknown_workflow(picture: Picture) -> str | None:
    """Its workflow is no longer there."""
    if not is_pending(picture) or picture.entry is None or picture.workflows is None:
        return None
    ref = picture.entry.workflow_ref
    is_known = ref.lower() in picture.workflows or ref.lower() in picture.disabled
    return None if is_known else f"the project has no workflow {ref!r} any more"


def subject_gone(picture: Picture) -> str | None:
    """Its subject was removed while it waited."""
    entry = picture.entry
    if entry is None or not is_pending(picture) or picture.subject is not None or picture.is_backend_mute:
        return None
    about = entry.subject_id
    return None if about.startswith(_KEPT_NOWHERE) else f"{about}, which it is about, is not there any more"


def subject_busy(picture: Picture) -> str | None:
    """Another entry of its subject is being worked on."""
    entry = picture.entry
    if entry is None or not is_pending(picture):
        return None
    others = (row for row in picture.entries if row.id != entry.id and row.subject_id == entry.subject_id)
    busy = next((row for row in others if row.status == "assigned"), None)
    return None if busy is None else f"{entry.subject_id} is being worked on: {busy.workflow_id or busy.id}"


def behind(picture: Picture) -> str | None:
    """Others stand before it."""
    entry = picture.entry
    if entry is None or not is_pending(picture) or not_due(picture) is not None:
        return None
    before = 0
    for row in picture.entries:
        if row.id == entry.id:
            break
        due = parse_moment(row.run_at)
        before += row.status == "pending" and (due is None or due <= picture.now)
    return f"{before} entries stand before it" if before else None


def left(how: str) -> Callable[[Picture], str | None]:
    """The entry left the queue so, and no run tells more. The queue's own word for one that expired is ``dropped``."""

    def cause(picture: Picture) -> str | None:
        past = picture.past
        if past is None or how != ("expired" if past.finished_by == _EXPIRY_SWEEP else past.outcome):
            return None
        reason = f": {past.reason}" if past.reason else ""
        return f"entry {past.entry_id} left the queue as {how} at {past.finished_at}{reason}"

    return cause


def blocked(picture: Picture) -> str | None:
    """The subject is blocked, and nothing is under way for it."""
    subject = picture.subject
    if subject is None or subject.status.value != "blocked" or picture.entry is not None:
        return None
    return f"{subject.id} is blocked"


def unasked(picture: Picture) -> str | None:
    """Nobody asked for work on it."""
    subject = picture.subject
    if subject is None or subject.status.value != "ready" or picture.entry is not None:
        return None
    return f"{subject.id} is ready, and no work on it was asked for" if picture.run is None else None


def settled(picture: Picture) -> str | None:
    """There is nothing left to do."""
    subject = picture.subject
    is_settled = subject is not None and subject.status.value in {"done", "cancelled"} and picture.entry is None
    return f"{subject.id} is {subject.status.value}" if subject is not None and is_settled else None


def schedule_off(picture: Picture) -> str | None:
    """The schedule does not fire: somebody switched it off, or its definition has a fault."""
    schedule = picture.schedule
    if schedule is None or schedule.enabled:
        return None
    return f"schedule {schedule.id!r} is disabled: {schedule.disabled_reason or 'no reason was given'}"


def schedule_unheard(picture: Picture) -> str | None:
    """No daemon keeps its time."""
    schedule = picture.schedule
    if schedule is None or not schedule.enabled or picture.daemon.running:
        return None
    return f"schedule {schedule.id!r} fires only while a daemon runs"


def schedule_late(picture: Picture) -> str | None:
    """It fired, and its work is not on the queue yet."""
    schedule = picture.schedule
    if schedule is None or not schedule.waiting or not picture.daemon.running:
        return None
    return f"{schedule.waiting} moments of schedule {schedule.id!r} could not be put on the queue yet"


def schedule_waits(picture: Picture) -> str | None:
    """Its next moment has not come."""
    schedule = picture.schedule
    if schedule is None or not schedule.enabled or schedule.next_at is None:
        return None
    return f"schedule {schedule.id!r} fires next at {schedule.next_at.isoformat()}"
