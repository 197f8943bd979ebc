"""The queue kind: its project, what survives a kill, and two processes on one store."""

from typing import Final

from animus_conformance.answer import members_of
from animus_conformance.dispatching import only, require, require_equal
from animus_conformance.queue_acts import BASE, MANY, enqueue, entries, ids, lease
from animus_conformance.requirement import Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["QUEUE_STORE"]

QUEUE_STORE: Final = Suite("queue", "queue")


@QUEUE_STORE.plugin("queue:binding:required", "without a project binding the queue refuses with -32207", needs=BASE)
def binding_required(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        answer = peer.request(methods.INITIALIZE, plugin.initialize_params(bound=False))
        if "error" not in answer:
            peer.notify(methods.INITIALIZED)
            answer = peer.request(methods.QUEUE_STATS)
        code = answer.get("error", {}).get("code")
        require_equal(code, ErrorCode.QUEUE_BINDING_MISMATCH, "the error code without a binding")


@QUEUE_STORE.plugin("queue:durable:enqueue", "an acknowledged enqueue survives SIGKILL", needs=BASE)
def durable_enqueue(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        made = [enqueue(peer) for _ in range(5)]
        peer.kill()
    with plugin.started() as peer:
        require_equal(ids(entries(peer)), made, "the entries after SIGKILL")


@QUEUE_STORE.plugin("queue:durable:lease", "an acknowledged lease survives SIGKILL", needs=BASE)
def durable_lease(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        entry_id = enqueue(peer)
        lease(peer, workflow_ids=["wf-kept"])
        peer.kill()
    with plugin.started() as peer:
        entry = only(entries(peer), "entries on the queue")
        found = (entry["entry_id"], entry["status"], entry.get("workflow_id"))
        require_equal(found, (entry_id, "assigned", "wf-kept"), "the entry after SIGKILL")


@QUEUE_STORE.plugin("queue:processes:shared", "two processes on one project hand out each entry once", needs=BASE)
def processes_shared(plugin: PluginUnderTest) -> None:
    with plugin.started() as first, plugin.started() as second:
        expected = {enqueue(peer) for _ in range(MANY // 2) for peer in (first, second)}
        for peer in (first, second):
            require_equal(set(ids(entries(peer))), expected, "what one of two processes lists")
        asked = [(peer, peer.begin(methods.QUEUE_LEASE, {"max": 1})) for _ in range(MANY) for peer in (first, second)]
        found: list[str] = []
        for peer, request_id in asked:
            found += ids(members_of(peer.reply(request_id, "a lease of one of two"))["result"]["leased"])
    require(len(found) == len(set(found)), "two processes handed out one entry")
    require_equal(set(found), expected, "the entries handed out by two processes")
