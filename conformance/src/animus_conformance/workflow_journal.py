"""The workflow_journal kind."""

from typing import Any, Final

from animus_conformance.dispatching import require, require_equal
from animus_conformance.peer import Peer
from animus_conformance.requirement import Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import methods

__all__ = ["WORKFLOW_JOURNAL"]

_BASE: Final = (methods.JOURNAL_SAVE, methods.JOURNAL_LOAD, methods.JOURNAL_LIST, methods.JOURNAL_DELETE)
_CHECKPOINTS: Final = (
    methods.JOURNAL_CHECKPOINT_SAVE,
    methods.JOURNAL_CHECKPOINT_LOAD,
    methods.JOURNAL_CHECKPOINT_LIST,
    methods.JOURNAL_CHECKPOINT_PRUNE,
)
_EVENTS: Final = (methods.JOURNAL_RECORD, methods.JOURNAL_EVENTS)

WORKFLOW_JOURNAL: Final = Suite("workflow_journal", "workflow_journal")


def _save(peer: Peer, workflow_id: str, **more: Any) -> None:
    run = {"workflow_id": workflow_id, "status": "running", "blob": {"n": [1, None, "ü"]}, **more}
    peer.call(methods.JOURNAL_SAVE, {"run": run})


def _load(peer: Peer, workflow_id: str) -> Any:
    return peer.call(methods.JOURNAL_LOAD, {"workflow_id": workflow_id})["run"]


def _event(run_id: str, kind: str, second: int) -> dict[str, Any]:
    return {"event": {"run_id": run_id, "kind": kind, "ts": f"2026-01-01T00:00:{second:02d}Z", "detail": {"s": second}}}


@WORKFLOW_JOURNAL.opened("journal:save:loaded", "a saved run is loaded as it was saved", needs=_BASE)
def save_loaded(peer: Peer) -> None:
    _save(peer, "wf-1", workflow_ref="w", kind="task")
    found = _load(peer, "wf-1")
    kept = (found["workflow_id"], found["status"], found["blob"], found.get("workflow_ref"), found.get("kind"))
    require_equal(kept, ("wf-1", "running", {"n": [1, None, "ü"]}, "w", "task"), "the loaded run")


@WORKFLOW_JOURNAL.opened("journal:save:replaced", "a run that is saved again is replaced", needs=_BASE)
def save_replaced(peer: Peer) -> None:
    _save(peer, "wf-1")
    _save(peer, "wf-1", status="completed", blob=None)
    found = _load(peer, "wf-1")
    require_equal((found["status"], found["blob"]), ("completed", None), "status and blob")
    require_equal(len(peer.call(methods.JOURNAL_LIST, {})["runs"]), 1, "the number of runs")


@WORKFLOW_JOURNAL.opened("journal:load:explicit-null", "a run that is not there is an explicit null", needs=_BASE)
def load_explicit_null(peer: Peer) -> None:
    answer = peer.call(methods.JOURNAL_LOAD, {"workflow_id": "nobody"})
    require("run" in answer and answer["run"] is None, f"the answer is {answer}, expected an explicit null")


@WORKFLOW_JOURNAL.opened("journal:list:filtered", "runs are listed by status and by workflow", needs=_BASE)
def list_filtered(peer: Peer) -> None:
    _save(peer, "wf-1", status="running", workflow_ref="a")
    _save(peer, "wf-2", status="failed", workflow_ref="b")
    for choice, expected in (({"status": ["failed"]}, ["wf-2"]), ({"workflow_ref": "a"}, ["wf-1"])):
        runs = peer.call(methods.JOURNAL_LIST, choice)["runs"]
        require_equal([run["workflow_id"] for run in runs], expected, f"the runs of {choice}")


@WORKFLOW_JOURNAL.opened("journal:list:truncated", "a page that left runs out says so", needs=_BASE)
def list_truncated(peer: Peer) -> None:
    for number in range(3):
        _save(peer, f"wf-{number}")
    page = peer.call(methods.JOURNAL_LIST, {"limit": 2})
    require_equal((len(page["runs"]), page.get("truncated")), (2, True), "the length and truncated")
    page = peer.call(methods.JOURNAL_LIST, {"limit": 3})
    require_equal((len(page["runs"]), page.get("truncated", False)), (3, False), "the length and truncated")


@WORKFLOW_JOURNAL.opened(
    "journal:query_ids:agrees", "query_ids names the runs that list lists", when=(methods.JOURNAL_QUERY_IDS,)
)
def query_ids_agrees(peer: Peer) -> None:
    for number, status in enumerate(("running", "failed", "running")):
        _save(peer, f"wf-{number}", status=status)
    choice = {"status": ["running"]}
    ids = peer.call(methods.JOURNAL_QUERY_IDS, choice)["ids"]
    runs = peer.call(methods.JOURNAL_LIST, choice)["runs"]
    require_equal(ids, [run["workflow_id"] for run in runs], "the ids")
    require_equal(len(ids), 2, "the number of ids")


@WORKFLOW_JOURNAL.opened("journal:delete:gone", "a deleted run is gone, and deleting it again is no error", needs=_BASE)
def delete_gone(peer: Peer) -> None:
    _save(peer, "wf-1")
    for _ in range(2):
        peer.call(methods.JOURNAL_DELETE, {"workflow_id": "wf-1"})
    require_equal(_load(peer, "wf-1"), None, "the run after delete")


@WORKFLOW_JOURNAL.opened(
    "journal:checkpoint:loaded", "a checkpoint is loaded as it was saved", needs=_CHECKPOINTS, when=_CHECKPOINTS
)
def checkpoint_loaded(peer: Peer) -> None:
    _save(peer, "wf-1")
    peer.call(methods.JOURNAL_CHECKPOINT_SAVE, {"workflow_id": "wf-1", "checkpoint_num": 7, "blob": {"a": [None]}})
    named = {"workflow_id": "wf-1", "checkpoint_num": 7}
    require_equal(peer.call(methods.JOURNAL_CHECKPOINT_LOAD, named)["blob"], {"a": [None]}, "the blob")
    missing = peer.call(methods.JOURNAL_CHECKPOINT_LOAD, {**named, "checkpoint_num": 8})
    require("blob" in missing and missing["blob"] is None, f"a missing checkpoint is {missing}, not an explicit null")


@WORKFLOW_JOURNAL.opened(
    "journal:checkpoint:pruned", "prune keeps the newest checkpoints", needs=_CHECKPOINTS, when=_CHECKPOINTS
)
def checkpoint_pruned(peer: Peer) -> None:
    _save(peer, "wf-1")
    for number in (1, 2, 3):
        peer.call(methods.JOURNAL_CHECKPOINT_SAVE, {"workflow_id": "wf-1", "checkpoint_num": number, "blob": number})
    numbers = peer.call(methods.JOURNAL_CHECKPOINT_LIST, {"workflow_id": "wf-1"})["checkpoint_nums"]
    require_equal(sorted(numbers), [1, 2, 3], "the checkpoints")
    peer.call(methods.JOURNAL_CHECKPOINT_PRUNE, {"workflow_id": "wf-1", "keep": 2})
    numbers = peer.call(methods.JOURNAL_CHECKPOINT_LIST, {"workflow_id": "wf-1"})["checkpoint_nums"]
    require_equal(sorted(numbers), [2, 3], "the checkpoints after prune")


@WORKFLOW_JOURNAL.opened(
    "journal:events:recorded", "events come back in order, for one run", needs=_EVENTS, when=_EVENTS
)
def events_recorded(peer: Peer) -> None:
    for second, kind in enumerate(("run_started", "phase_started", "run_completed")):
        peer.call(methods.JOURNAL_RECORD, _event("wf-1", kind, second))
    peer.call(methods.JOURNAL_RECORD, _event("wf-2", "run_started", 9))
    events = peer.call(methods.JOURNAL_EVENTS, {"run_id": "wf-1"})["events"]
    require_equal([event["kind"] for event in events], ["run_started", "phase_started", "run_completed"], "the events")
    require_equal(events[1].get("detail"), {"s": 1}, "detail of the second event")


@WORKFLOW_JOURNAL.opened(
    "journal:events:kind-closed", "an event of an unknown kind is refused", needs=_EVENTS, when=_EVENTS
)
def events_kind_closed(peer: Peer) -> None:
    peer.refused(methods.JOURNAL_RECORD, _event("wf-1", "something_else", 0), odd=True)


@WORKFLOW_JOURNAL.plugin(
    "journal:schema:agrees", "the schema says what the methods say", when=(methods.JOURNAL_SCHEMA,)
)
def schema_agrees(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        schema = peer.call(methods.JOURNAL_SCHEMA)
    advertised = set(plugin.manifest().capabilities)
    require_equal(schema["supports_checkpoints"], advertised >= set(_CHECKPOINTS), "supports_checkpoints")
    require_equal(schema["supports_events"], advertised >= set(_EVENTS), "supports_events")


@WORKFLOW_JOURNAL.plugin("journal:durable:killed", "an acknowledged save survives SIGKILL", needs=_BASE)
def durable_killed(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        _save(peer, "wf-1")
        peer.kill()
    with plugin.started() as peer:
        require(_load(peer, "wf-1") is not None, "the run is gone after SIGKILL")
