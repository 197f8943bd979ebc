"""What keeps all work from going on: the daemon and its plugins."""

import re
from collections.abc import Callable

from animus_cli.causes.entries import behind, disabled, is_pending, not_due, subject_busy, unknown_workflow
from animus_cli.causes.picture import Picture
from animus_cli.table import parse_moment

__all__ = [
    "daemon_draining",
    "daemon_missing",
    "daemon_mute",
    "daemon_outdated",
    "daemon_paused",
    "lease_lapsed",
    "no_capacity",
    "plugin_is",
    "plugin_missing",
    "plugin_untrusted",
    "starting",
]

_INSTALL = re.compile(r"install it with: (?P<command>.+)$")


def daemon_missing(picture: Picture) -> str | None:
    """Nobody leases."""
    return "no daemon runs" if _wants_daemon(picture) and not picture.daemon.running else None


def daemon_mute(picture: Picture) -> str | None:
    """Its lock is held, and nothing listens."""
    if not _wants_daemon(picture) or not picture.daemon.running or picture.daemon.pool_size is not None:
        return None
    return f"the daemon (process {picture.daemon.pid}) does not answer on its socket"


def daemon_paused(picture: Picture) -> str | None:
    """It starts nothing."""
    waits = _wants_start(picture) and picture.daemon.running and picture.daemon.paused
    return "the daemon is paused and starts nothing" if waits else None


def daemon_draining(picture: Picture) -> str | None:
    """It is about to end."""
    waits = _wants_start(picture) and picture.daemon.running and picture.daemon.draining
    return "the daemon is draining: it starts nothing and ends when no run is under way" if waits else None


def daemon_outdated(picture: Picture) -> str | None:
    """What is installed is not what runs."""
    theirs, ours = picture.daemon.version, picture.version
    if not _wants_daemon(picture) or theirs is None or ours is None or theirs == ours:
        return None
    return f"the daemon is of version {theirs}, installed is {ours}"


def plugin_is(status: str) -> Callable[[Picture], str | None]:
    """A plugin that work needs is not there for now."""

    def cause(picture: Picture) -> str | None:
        if not _wants_daemon(picture) or picture.health is None:
            return None
        rows = [row for row in picture.health.plugins if row.status == status]
        texts = [f"{row.name} ({', '.join(row.kinds)}) is {status.replace('_', ' ')}: {row.last_error}" for row in rows]
        return "; ".join(texts) or None

    return cause


def plugin_missing(picture: Picture) -> str | None:
    """A role has no plugin."""
    if not _wants_daemon(picture):
        return None
    return next((problem for problem in picture.problems if _INSTALL.search(problem)), None)


def plugin_untrusted(picture: Picture) -> str | None:
    """The repository brought a plugin that nobody trusts, and something has no plugin."""
    if not _wants_daemon(picture) or not picture.untrusted or not picture.problems:
        return None
    return f"{', '.join(picture.untrusted)}: not trusted, so not run; {picture.problems[0]}"


def lease_lapsed(picture: Picture) -> str | None:
    """Whoever had it is gone."""
    entry = picture.entry
    moment = None if entry is None or entry.status != "assigned" else parse_moment(entry.lease_expires_at)
    if entry is None or moment is None or moment >= picture.now or _is_at_rest(picture):
        return None
    return f"the lease of {entry.lease_owner!r} ran out at {moment.isoformat()} and nobody renewed it"


def no_capacity(picture: Picture) -> str | None:
    """Every slot is taken."""
    active, size = picture.daemon.active_runs, picture.daemon.pool_size
    if not _wants_start(picture) or not picture.daemon.running or active is None or size is None or active < size:
        return None
    return f"all {size} slots are taken"


def starting(picture: Picture) -> str | None:
    """Nothing is in its way."""
    is_next = _wants_start(picture) and picture.daemon.running and not picture.daemon.paused
    others = (not_due, disabled, unknown_workflow, subject_busy, no_capacity, behind, daemon_draining)
    return "it is next" if is_next and all(other(picture) is None for other in others) else None


def _is_at_rest(picture: Picture) -> bool:
    """Whether its run waits for a person."""
    return picture.run is not None and picture.run.waiting is not None


def _wants_start(picture: Picture) -> bool:
    return is_pending(picture) or (picture.run is not None and picture.run.status == "pending")


def _wants_daemon(picture: Picture) -> bool:
    under_way = picture.run is not None and picture.run.status in {"running", "pending"}
    return (is_pending(picture) or under_way) and not _is_at_rest(picture)
