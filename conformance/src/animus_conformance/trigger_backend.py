"""The trigger_backend kind. What makes an event is the plugin's own; one that watches files is given a file to see."""

import time
from typing import Any, Final

from animus_conformance.dispatching import require, require_equal
from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError, NotApplicableError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["TRIGGER_BACKEND"]

_BASE: Final = (methods.TRIGGER_WATCH, methods.TRIGGER_SCHEMA)
_ACK: Final = (methods.TRIGGER_ACK,)
_FILE_KIND: Final = "file_watcher"
_TRIGGER_ID: Final = "conformance"
_LOOKS: Final = 10
_LOOK_SECONDS: Final = 2.0
"""How long a change may take to be seen; a file is made anew after each, in case it was there at the first look."""

TRIGGER_BACKEND: Final = Suite("trigger_backend", "trigger_backend")


@TRIGGER_BACKEND.opened("trigger:watch:answered", "a watch is answered with watching true", needs=_BASE)
def watch_answered(peer: Peer) -> None:
    answer = peer.call(methods.TRIGGER_WATCH, {})
    require(answer.get("watching") is True, f"the answer is {answer}")


@TRIGGER_BACKEND.plugin("trigger:schema:agrees", "the schema names kinds, and acks where they are served", needs=_BASE)
def schema_agrees(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        schema = peer.call(methods.TRIGGER_SCHEMA)
    require(schema["kinds"] and all(schema["kinds"]), f"kinds are {schema['kinds']}")
    serves = methods.TRIGGER_ACK in plugin.manifest().capabilities
    require_equal(schema["supports_ack"], serves, "supports_ack, and whether trigger/ack is advertised")


@TRIGGER_BACKEND.opened(
    "trigger:ack:notification", "a `trigger/ack` without an id is taken and never answered", needs=_BASE, when=_ACK
)
def ack_notification(peer: Peer) -> None:
    peer.call(methods.TRIGGER_WATCH, {})
    for status in ("queued", "unmatched", "shutdown", "a word of tomorrow"):
        peer.notify(methods.TRIGGER_ACK, {"event_id": "nobody's", "status": status})
    peer.request(methods.PING)
    require(not peer.unclaimed(), f"answers to notifications: {peer.unclaimed()}")


@TRIGGER_BACKEND.opened(
    "trigger:ack:answered", "an ack that is a request is answered under its event's id", needs=_BASE, when=_ACK
)
def ack_answered(peer: Peer) -> None:
    peer.call(methods.TRIGGER_WATCH, {})
    answer = peer.call(methods.TRIGGER_ACK, {"event_id": "e-1", "status": "queued"})
    require_equal(answer["event_id"], "e-1", "event_id")


@TRIGGER_BACKEND.opened("trigger:ack:event-required", "an ack without an event_id is -32602", needs=_BASE, when=_ACK)
def ack_event_required(peer: Peer) -> None:
    peer.refused(methods.TRIGGER_ACK, {"status": "queued"}, ErrorCode.INVALID_PARAMS, odd=True)


@TRIGGER_BACKEND.plugin(
    "trigger:event:told", "a change that is watched for is told under its trigger, with an event_id", needs=_BASE
)
def event_told(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        if _FILE_KIND not in peer.call(methods.TRIGGER_SCHEMA)["kinds"]:
            raise NotApplicableError("the harness can make no event of this plugin's kinds")
        config = {"paths": ["watched-*"], "debounce_secs": 0}
        row = {"id": _TRIGGER_ID, "type": _FILE_KIND, "config": config}
        peer.call(methods.TRIGGER_WATCH, {"config": {"triggers": [row]}})
        event = _event_after_changes(plugin, peer)
        peer.notify(methods.TRIGGER_ACK, {"event_id": event.get("event_id"), "status": "queued"})
        peer.request(methods.PING)
    require_equal(event.get("trigger_id"), _TRIGGER_ID, "trigger_id")
    require(event.get("event_id"), "event_id is empty")


def _event_after_changes(plugin: PluginUnderTest, peer: Peer) -> dict[str, Any]:
    for number in range(_LOOKS):
        (plugin.project / f"watched-{number}").write_text("x", encoding="utf-8")
        deadline = time.monotonic() + _LOOK_SECONDS
        while time.monotonic() < deadline:
            peer.drain()
            told = [note["params"] for note in peer.notes if note["method"] == methods.TRIGGER_EVENT]
            if told:
                return dict(told[0])
            time.sleep(0.05)
    raise CheckFailedError(f"no trigger/event though {_LOOKS} files that are watched for were made")
