"""The subject_backend kind."""

from typing import Any, Final

from animus_conformance.dispatching import require, require_equal
from animus_conformance.peer import Peer
from animus_conformance.requirement import NotApplicableError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import ErrorCode, methods
from animus_plugin_protocol.methods import subject_verb

__all__ = ["SUBJECT_BACKEND"]

_BASE: Final = (methods.SUBJECT_LIST, methods.SUBJECT_GET)
_CREATE: Final = (methods.SUBJECT_CREATE,)
_UPDATE: Final = (methods.SUBJECT_UPDATE,)
_STATUS: Final = (methods.SUBJECT_STATUS,)
_DELETE: Final = (methods.SUBJECT_DELETE,)
_NEXT: Final = (methods.SUBJECT_NEXT,)
_WATCH: Final = (methods.SUBJECT_WATCH,)
_SCHEMA: Final = (methods.SUBJECT_SCHEMA,)
_QUIET_PINGS: Final = 3
_PAGE: Final = 2

SUBJECT_BACKEND: Final = Suite("subject_backend", "subject_backend")


def _kind(peer: Peer) -> str:
    kinds = peer.capabilities.subject_kinds
    require(kinds, "capabilities.subject_kinds names no kind")
    return kinds[0]


def _create(peer: Peer, title: str = "Made by the conformance suite", **more: Any) -> dict[str, Any]:
    kind = _kind(peer)
    method = subject_verb(kind, methods.SUBJECT_CREATE)
    subject: dict[str, Any] = peer.call(method, {"kind": kind, "title": title, **more})
    return subject


def _get(peer: Peer, subject_id: str) -> dict[str, Any]:
    subject: dict[str, Any] = peer.call(methods.SUBJECT_GET, {"id": subject_id})
    return subject


def _patch(peer: Peer, subject_id: str, **patch: Any) -> dict[str, Any]:
    subject: dict[str, Any] = peer.call(methods.SUBJECT_UPDATE, {"id": subject_id, "patch": patch})
    return subject


def _listed(peer: Peer, method: str, params: Any) -> set[str]:
    return {subject["id"] for subject in peer.call(method, params)["subjects"]}


@SUBJECT_BACKEND.plugin(
    "subject:kinds:declared", "the kinds served are named in initialize and in the manifest", needs=_BASE
)
def kinds_declared(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        _kind(peer)
        kinds = peer.capabilities.subject_kinds
    missing = [kind for kind in kinds if f"subject_kind:{kind}" not in plugin.manifest().capabilities]
    require(not missing, f"the manifest lacks subject_kind:{' and subject_kind:'.join(missing)}")


@SUBJECT_BACKEND.opened("subject:list:answered", "an empty filter is answered with a page", needs=_BASE)
def list_answered(peer: Peer) -> None:
    peer.call(methods.SUBJECT_LIST, {})
    peer.call(subject_verb(_kind(peer), methods.SUBJECT_LIST), {})


@SUBJECT_BACKEND.opened("subject:spelling:both", "<kind>/get and subject/get are one method", needs=_BASE, when=_CREATE)
def spelling_both(peer: Peer) -> None:
    made = _create(peer)
    spelled = peer.call(subject_verb(_kind(peer), methods.SUBJECT_GET), {"id": made["id"]})
    require_equal(spelled, _get(peer, made["id"]), "the subject under the other spelling")


@SUBJECT_BACKEND.opened("subject:create:returned", "create answers the bare subject with its own id", when=_CREATE)
def create_returned(peer: Peer) -> None:
    first, second = _create(peer, "One"), _create(peer, "Two")
    require_equal((first["title"], first["kind"]), ("One", _kind(peer)), "title and kind")
    require(first["id"] != second["id"], f"two subjects share the id {first['id']!r}")
    require(first["id"].startswith(f"{_kind(peer)}:"), f"the id {first['id']!r} does not begin with its kind")


@SUBJECT_BACKEND.opened(
    "subject:create:without-kind", "<kind>/create with title and description alone is enough", when=_CREATE
)
def create_without_kind(peer: Peer) -> None:
    method = subject_verb(_kind(peer), methods.SUBJECT_CREATE)
    made = peer.call(method, {"title": "T", "description": "Why"})
    require_equal((made["kind"], made.get("description")), (_kind(peer), "Why"), "kind and description")


@SUBJECT_BACKEND.opened("subject:get:same", "get answers the bare subject as it was made", needs=_BASE, when=_CREATE)
def get_same(peer: Peer) -> None:
    made = _create(peer, "Zürich — 東京", labels=["a", "b"], custom={"n": 1})
    found = _get(peer, made["id"])
    for name in ("id", "title", "labels", "custom", "status"):
        require_equal(found.get(name), made.get(name), f"{name} of the subject")


@SUBJECT_BACKEND.opened("subject:get:missing", "a subject that is not there is -32602, not_found", needs=_BASE)
def get_missing(peer: Peer) -> None:
    params = {"id": f"{_kind(peer)}:NO-SUCH-9"}
    peer.refused(methods.SUBJECT_GET, params, ErrorCode.INVALID_PARAMS, category="not_found")


@SUBJECT_BACKEND.opened(
    "subject:list:both-forms", "a filter is understood flat and under 'filter'", needs=_BASE, when=_CREATE
)
def list_both_forms(peer: Peer) -> None:
    wanted = _create(peer, labels=["wanted"])
    _create(peer, labels=["other"])
    choice = {"labels_all": ["wanted"], "kind": [_kind(peer)]}
    for params in (choice, {"filter": choice}):
        require_equal(_listed(peer, methods.SUBJECT_LIST, params), {wanted["id"]}, f"what {params} lists")


@SUBJECT_BACKEND.opened("subject:list:kind-prefix", "<kind>/list lists that kind only", needs=_BASE, when=_CREATE)
def list_kind_prefix(peer: Peer) -> None:
    made = _create(peer)
    for kind in peer.capabilities.subject_kinds:
        page = peer.call(subject_verb(kind, methods.SUBJECT_LIST), {})
        kinds = {subject["kind"] for subject in page["subjects"]}
        require(kinds <= {kind}, f"{kind}/list lists {kinds}")
        if kind == made["kind"]:
            require(made["id"] in {subject["id"] for subject in page["subjects"]}, "a new subject is not listed")


@SUBJECT_BACKEND.opened("subject:list:status", "a status filter is kept", needs=_BASE + _STATUS, when=_CREATE)
def list_status(peer: Peer) -> None:
    ready, blocked = _create(peer), _create(peer)
    peer.call(methods.SUBJECT_STATUS, {"id": blocked["id"], "status": "blocked"})
    found = _listed(peer, methods.SUBJECT_LIST, {"status": ["blocked"], "kind": [_kind(peer)]})
    require(blocked["id"] in found and ready["id"] not in found, f"status blocked lists {found}")


@SUBJECT_BACKEND.opened("subject:list:pages", "pages carry every subject once", needs=_BASE + _SCHEMA, when=_CREATE)
def list_pages(peer: Peer) -> None:
    if not peer.call(methods.SUBJECT_SCHEMA)["supports_pagination"]:
        raise NotApplicableError("the backend does not support pagination")
    expected = {_create(peer)["id"] for _ in range(5)}
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(5):
        page = peer.call(methods.SUBJECT_LIST, {"limit": _PAGE, "kind": [_kind(peer)], **cursor})
        require(len(page["subjects"]) <= _PAGE, f"a page with limit {_PAGE} has {len(page['subjects'])} subjects")
        found += [subject["id"] for subject in page["subjects"]]
        if page.get("next_cursor") is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    require_equal(sorted(found), sorted(expected), "the subjects on all pages")


@SUBJECT_BACKEND.opened("subject:update:labels", "labels are added and removed", needs=_BASE + _UPDATE, when=_UPDATE)
def update_labels(peer: Peer) -> None:
    made = _create(peer, labels=["keep", "drop"])
    changed = _patch(peer, made["id"], labels_add=["new"], labels_remove=["drop"])
    require_equal(set(changed.get("labels", [])), {"keep", "new"}, "the labels")
    require_equal(_get(peer, made["id"]).get("labels"), changed.get("labels"), "the labels that get answers")


@SUBJECT_BACKEND.opened(
    "subject:update:assignee", "an absent assignee is kept, null clears it, text sets it", needs=_UPDATE, when=_UPDATE
)
def update_assignee(peer: Peer) -> None:
    subject_id = _create(peer, assignee="ada")["id"]
    require_equal(_patch(peer, subject_id, comment="x").get("assignee"), "ada", "the assignee when absent")
    require_equal(_patch(peer, subject_id, assignee="bob").get("assignee"), "bob", "the assignee when set")
    require_equal(_patch(peer, subject_id, assignee=None).get("assignee"), None, "the assignee when null")


@SUBJECT_BACKEND.opened(
    "subject:update:custom-null", "a null value in custom removes that key and no other", needs=_UPDATE, when=_UPDATE
)
def update_custom_null(peer: Peer) -> None:
    subject_id = _create(peer, custom={"a": 1, "b": 2})["id"]
    changed = _patch(peer, subject_id, custom={"a": None, "c": [None]})
    require_equal(changed.get("custom"), {"b": 2, "c": [None]}, "custom")


@SUBJECT_BACKEND.opened("subject:status:changed", "status sets the status and answers the subject", when=_STATUS)
def status_changed(peer: Peer) -> None:
    subject_id = _create(peer)["id"]
    changed = peer.call(methods.SUBJECT_STATUS, {"id": subject_id, "status": "blocked"})
    require_equal((changed["id"], changed["status"]), (subject_id, "blocked"), "id and status")
    require_equal(_get(peer, subject_id)["status"], "blocked", "the status that get answers")


@SUBJECT_BACKEND.opened("subject:status:closed", "a status outside the five words is refused", when=_STATUS)
def status_closed(peer: Peer) -> None:
    made = _create(peer)
    params = {"id": made["id"], "status": "in progress"}
    peer.refused(methods.SUBJECT_STATUS, params, ErrorCode.INVALID_PARAMS, odd=True)
    require_equal(_get(peer, made["id"])["status"], made["status"], "the status after a refusal")


@SUBJECT_BACKEND.opened("subject:next:shape", "next answers null or a ready subject", when=_NEXT)
def next_shape(peer: Peer) -> None:
    method = subject_verb(_kind(peer), methods.SUBJECT_NEXT)
    require_equal(peer.call(method, {}), None, "next of an empty backend")
    made = _create(peer)
    found = peer.call(method, {})
    subject: Any = found.get("subject", found) if found is not None else None
    require(subject is not None and subject["id"] == made["id"], f"next is {found}")


@SUBJECT_BACKEND.opened("subject:delete:gone", "a deleted subject is gone", needs=_BASE, when=_DELETE)
def delete_gone(peer: Peer) -> None:
    subject_id = _create(peer)["id"]
    require(peer.call(methods.SUBJECT_DELETE, {"id": subject_id})["ok"], "delete answered ok: false")
    peer.refused(methods.SUBJECT_GET, {"id": subject_id}, ErrorCode.INVALID_PARAMS, category="not_found")


@SUBJECT_BACKEND.opened("subject:watch:changed", "a change is told under the id of the watch request", when=_WATCH)
def watch_changed(peer: Peer) -> None:
    watch_id = peer.begin(methods.SUBJECT_WATCH, {})
    require("error" not in peer.reply(watch_id, "'subject/watch'"), "the watch was refused")
    made = _create(peer)
    note = peer.wait_note(lambda note: note["method"] == methods.SUBJECT_CHANGED, "'subject/changed'")
    require_equal(note["params"]["id"], watch_id, "params.id of 'subject/changed'")
    event = note["params"]["event"]
    require_equal((event["id"], event["change_kind"]), (made["id"], "created"), "the event")


@SUBJECT_BACKEND.opened(
    "subject:unwatch:quiet", "after unwatch nothing is told any more", when=(methods.SUBJECT_UNWATCH,)
)
def unwatch_quiet(peer: Peer) -> None:
    watch_id = peer.begin(methods.SUBJECT_WATCH, {})
    peer.reply(watch_id, "'subject/watch'")
    peer.call(methods.SUBJECT_UNWATCH, {"watch_id": str(watch_id)})
    _create(peer)
    for _ in range(_QUIET_PINGS):
        peer.drain()
    require(not peer.notes, f"told after unwatch: {peer.notes}")


@SUBJECT_BACKEND.plugin("subject:schema:agrees", "the schema says what the methods say", when=_SCHEMA)
def schema_agrees(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        schema = peer.call(methods.SUBJECT_SCHEMA)
        advertised = set(peer.capabilities.methods)
        require_equal(sorted(schema["kinds"]), sorted(peer.judgement.subject_kinds), "schema.kinds")
    said = {"watch": methods.SUBJECT_WATCH, "create": methods.SUBJECT_CREATE, "delete": methods.SUBJECT_DELETE}
    for name, method in said.items():
        require_equal(schema.get(f"supports_{name}", False), method in advertised, f"schema.supports_{name}")


@SUBJECT_BACKEND.plugin("subject:durable:killed", "an acknowledged subject survives SIGKILL", needs=_BASE, when=_CREATE)
def durable_killed(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        made = _create(peer)
        peer.kill()
    with plugin.started() as peer:
        require_equal(_get(peer, made["id"])["title"], made["title"], "the title after SIGKILL")
        require(_create(peer)["id"] != made["id"], "an id was given twice")
