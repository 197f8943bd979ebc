"""The facts about one subject, entry, run or schedule, read through ordinary operations."""

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

from animus_cli.failure import CommandError
from animus_cli.json_value import json_array, json_object
from animus_control.errors import ControlError
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.queue_care import QueueHistoryEntry, QueueHistoryResult
from animus_plugin_protocol.wire.subject import Subject

__all__ = ["SCHEDULE", "Ask", "Picture", "take_picture"]

SCHEDULE = "schedule:"
"""How a schedule is asked about, followed by its id."""

_MANY = 10_000
_PAST = 200
Ask = Callable[[str, Any], Any]
"""Runs an operation by name."""


class Picture(NamedTuple):
    """What is known.

    Attributes:
        target: what was asked about, as it was typed.
        now: when.
        daemon: the daemon.
        subject: what the work is about, if a backend knows it.
        is_backend_mute: whether the backend of the subject could not be asked.
        entry: its entry in the queue.
        run: its latest run.
        phase: the latest attempt of that run, as its journal has it.
        past: how its entry left the queue, where no run tells.
        schedule: the schedule that was asked about.
        entries: the whole queue.
        health: how the plugins are; None without a daemon.
        workflows: the workflows that can be run; None if that could not be asked.
        disabled: those that cannot, with the reason.
        problems: what the project lacks, in words with the command that brings it.
        untrusted: files of plugins that are not run because nobody trusts them.
        version: of this command.
    """

    target: str
    now: datetime.datetime
    daemon: control.DaemonStatusResult
    subject: Subject | None = None
    is_backend_mute: bool = False
    entry: control.QueueEntryRow | None = None
    run: control.WorkflowRunSummary | None = None
    phase: dict[str, Any] = {}
    past: QueueHistoryEntry | None = None
    schedule: control.ScheduleRow | None = None
    entries: tuple[control.QueueEntryRow, ...] = ()
    health: control.DaemonHealthResult | None = None
    workflows: frozenset[str] | None = None
    disabled: dict[str, str] = {}
    problems: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    version: str | None = None


def take_picture(ask: Ask, target: str, now: datetime.datetime, *, version: str | None = None) -> Picture:
    """Read what there is to know about `target`: ``KIND:ID``, an entry id, a run id or ``schedule:ID``.

    Raises:
        CommandError: nothing is called so.
    """
    daemon: control.DaemonStatusResult = ask("daemon/status", control.EmptyParams())
    queue: control.QueueListResult = ask("queue/list", control.QueueListParams(limit=_MANY))
    schedule = _schedule(ask, target) if target.startswith(SCHEDULE) else None
    subject, is_mute = _subject(ask, target) if ":" in target and schedule is None else (None, False)
    wanted = {target} if subject is None else {target, subject.id}
    entry = next((row for row in queue.entries if wanted & {row.id, row.subject_id, row.workflow_id}), None)
    run = _run(ask, target, subject, entry)
    past = _past(ask, wanted) if entry is None and run is None else None
    if subject is None and entry is None and run is None and schedule is None and past is None:
        message = f"no subject, queue entry, run or schedule is called {target!r}"
        raise CommandError("not_found", message, next_step="animus status")
    about = entry.subject_id if entry is not None else None if run is None else run.subject_id
    if subject is None and about is not None:
        subject, is_mute = _subject(ask, about)
    if entry is None and run is not None:
        entry = next((row for row in queue.entries if row.workflow_id == run.id), None)
    known: tuple[frozenset[str] | None, dict[str, str]] = (
        _known_workflows(ask) if entry is not None and run is None else (None, {})
    )
    problems = _problems(ask)
    return Picture(
        target=target,
        now=now,
        daemon=daemon,
        subject=subject,
        is_backend_mute=is_mute,
        entry=entry,
        run=run,
        phase=_latest_phase(run),
        past=past,
        schedule=schedule,
        entries=tuple(queue.entries),
        health=ask("daemon/health", control.EmptyParams()) if _answers(daemon) else None,
        workflows=known[0],
        disabled=known[1],
        problems=problems,
        untrusted=_untrusted(ask) if problems else (),  # looking for plugins takes a while
        version=version,
    )


def _answers(daemon: control.DaemonStatusResult) -> bool:
    """Whether the daemon itself said how it is; else only its lock was seen."""
    return daemon.running and daemon.pool_size is not None


def _subject(ask: Ask, target: str) -> tuple[Subject | None, bool]:
    """The subject, if some backend has it (an ad hoc one is kept nowhere), and whether that could not be asked."""
    try:
        return ask("subject/get", control.SubjectGetParams(id=target)), False
    except ControlError as error:
        return None, error.category == "unavailable"


def _schedule(ask: Ask, target: str) -> control.ScheduleRow | None:
    params = control.ScheduleIdParams(id=target.removeprefix(SCHEDULE))
    found: control.ScheduleRow | None = _if_known(ask, "schedule/get", params)
    return found


def _run(
    ask: Ask, target: str, subject: Subject | None, entry: control.QueueEntryRow | None
) -> control.WorkflowRunSummary | None:
    """The run called so, or the one of the entry, or the latest one about the subject."""
    name = target if entry is None or entry.workflow_id is None else entry.workflow_id
    if ":" not in name:
        found: control.WorkflowGetResult | None = _if_known(ask, "workflow/get", control.WorkflowGetParams(id=name))
        return None if found is None or (entry is not None and found.id == entry.id) else found
    if entry is not None:
        return None  # it is asked for anew; how the run before it ended explains nothing
    about = target if subject is None else subject.id
    listed: control.WorkflowListResult = ask("workflow/list", control.WorkflowListParams(subject=about, limit=1))
    if not listed.runs:
        return None
    whole = _if_known(ask, "workflow/get", control.WorkflowGetParams(id=listed.runs[0].id))
    return listed.runs[0] if whole is None else whole


def _latest_phase(run: control.WorkflowRunSummary | None) -> dict[str, Any]:
    detail = json_object(run.detail) if isinstance(run, control.WorkflowGetResult) else {}
    phases = json_array(detail.get("phases"))
    return json_object(phases[-1]) if phases else {}


def _past(ask: Ask, wanted: set[str]) -> QueueHistoryEntry | None:
    history: QueueHistoryResult | None = _if_known(ask, "queue/history", control.QueueHistoryParams(limit=_PAST))
    rows = [] if history is None else history.entries
    return next((row for row in rows if wanted & {row.entry_id, row.subject_id}), None)


def _known_workflows(ask: Ask) -> tuple[frozenset[str] | None, dict[str, str]]:
    result: control.WorkflowConfigResult | None = _if_known(ask, "workflow/config/get", control.EmptyParams())
    if result is None:
        return None, {}
    config = json_object(result.config)
    disabled = {str(name): str(reason) for name, reason in json_object(config.get("disabled")).items()}
    return frozenset(json_object(config.get("workflows"))), disabled


def _problems(ask: Ask) -> tuple[str, ...]:
    status: control.ProjectStatusResult | None = _if_known(ask, "project/status", control.EmptyParams())
    return () if status is None else tuple(status.problems)


def _untrusted(ask: Ask) -> tuple[str, ...]:
    listed: control.PluginListResult | None = _if_known(ask, "plugin/list", control.PluginListParams(limit=_MANY))
    return () if listed is None else tuple(row.location for row in listed.plugins if not row.trusted)


def _if_known(ask: Ask, name: str, params: Any) -> Any:
    try:
        return ask(name, params)
    except ControlError:
        return None
