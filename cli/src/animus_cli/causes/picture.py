"""The facts about one subject, entry or run, read through ordinary operations."""

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

from animus_cli.failure import CommandError
from animus_cli.json_value import json_object
from animus_control.errors import ControlError
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.subject import Subject

__all__ = ["Picture", "take_picture"]

_MANY = 10_000
Ask = Callable[[str, Any], Any]
"""Runs an operation by name."""


class Picture(NamedTuple):
    """What is known.

    Attributes:
        target: what was asked about, as it was typed.
        now: when.
        daemon: the daemon.
        subject: what the work is about, if a backend knows it.
        entry: its entry in the queue.
        run: its latest run.
        entries: the whole queue.
        health: how the plugins are; None without a daemon.
        workflows: the workflows that can be run; None if that could not be asked.
        disabled: those that cannot, with the reason.
    """

    target: str
    now: datetime.datetime
    daemon: control.DaemonStatusResult
    subject: Subject | None = None
    entry: control.QueueEntryRow | None = None
    run: control.WorkflowRunSummary | None = None
    entries: tuple[control.QueueEntryRow, ...] = ()
    health: control.DaemonHealthResult | None = None
    workflows: frozenset[str] | None = None
    disabled: dict[str, str] = {}


def take_picture(ask: Ask, target: str, now: datetime.datetime) -> Picture:
    """Read what there is to know about `target`: ``KIND:ID``, an entry id or a run id.

    Raises:
        CommandError: nothing is called so.
    """
    daemon: control.DaemonStatusResult = ask("daemon/status", control.EmptyParams())
    queue: control.QueueListResult = ask("queue/list", control.QueueListParams(limit=_MANY))
    subject = _subject(ask, target) if ":" in target else None
    wanted = {target} if subject is None else {target, subject.id}
    entry = next((row for row in queue.entries if wanted & {row.id, row.subject_id, row.workflow_id}), None)
    run = _run(ask, target, subject, entry)
    if subject is None and entry is None and run is None:
        message = f"no subject, queue entry or run is called {target!r}"
        raise CommandError("not_found", message, next_step="animus status")
    about = entry.subject_id if entry is not None else None if run is None else run.subject_id
    if subject is None and about is not None:
        subject = _subject(ask, about)
    if entry is None and run is not None:
        entry = next((row for row in queue.entries if row.workflow_id == run.id), None)
    known: tuple[frozenset[str] | None, dict[str, str]] = (
        _known_workflows(ask) if entry is not None and run is None else (None, {})
    )
    return Picture(
        target=target,
        now=now,
        daemon=daemon,
        subject=subject,
        entry=entry,
        run=run,
        entries=tuple(queue.entries),
        health=ask("daemon/health", control.EmptyParams()) if daemon.running else None,
        workflows=known[0],
        disabled=known[1],
    )


def _subject(ask: Ask, target: str) -> Subject | None:
    """The subject, if some backend has it: an ad hoc one is kept nowhere."""
    try:
        found: Subject = ask("subject/get", control.SubjectGetParams(id=target))
    except ControlError:
        return None
    return found


def _run(
    ask: Ask, target: str, subject: Subject | None, entry: control.QueueEntryRow | None
) -> control.WorkflowRunSummary | None:
    """The run called so, or the one of the entry, or the latest one about the subject."""
    name = target if entry is None or entry.workflow_id is None else entry.workflow_id
    if ":" not in name:
        try:
            found: control.WorkflowGetResult = ask("workflow/get", control.WorkflowGetParams(id=name))
        except ControlError:
            return None
        return None if entry is not None and found.id == entry.id else found
    if entry is not None:
        return None  # it is asked for anew; how the run before it ended explains nothing
    about = target if subject is None else subject.id
    listed: control.WorkflowListResult = ask("workflow/list", control.WorkflowListParams(subject=about, limit=1))
    return listed.runs[0] if listed.runs else None


def _known_workflows(ask: Ask) -> tuple[frozenset[str] | None, dict[str, str]]:
    try:
        result: control.WorkflowConfigResult = ask("workflow/config/get", control.EmptyParams())
    except ControlError:
        return None, {}
    config = json_object(result.config)
    disabled = {str(name): str(reason) for name, reason in json_object(config.get("disabled")).items()}
    return frozenset(json_object(config.get("workflows"))), disabled
