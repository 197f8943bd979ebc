"""Faults: what a plugin must survive on its pipes. Every kind is concerned."""

from typing import Final

import msgspec

from animus_conformance.core import PING_SECONDS, require_exit
from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import methods

__all__ = ["FAULTS"]

FAULTS: Final = Suite("faults")

_BAD_LINES: Final = (
    b"{",
    b"",
    b"   ",
    b'"text"',
    b"[]",
    b'{"jsonrpc":"2.0"}',
    b"nonsense",
    b'{"jsonrpc":"2.0","id":[]}',
)
_MEBIBYTE: Final = 1024 * 1024
_LARGE: Final = 15 * _MEBIBYTE
_OVERSIZED: Final = 17 * _MEBIBYTE
_LARGE_SECONDS: Final = 20.0
_LATE_PINGS: Final = 4000
_STRAY_RESPONSES: Final = 2000
_NOISE: Final = b'{"jsonrpc":"2.0","id":"nobody-asked","result":{"padding":"' + b"x" * 64 + b'"}}\n'


def _alive(peer: Peer, after: str) -> None:
    answer = peer.request(methods.PING, request_id=f"after {after}", seconds=PING_SECONDS * 2)
    if "error" in answer:
        raise CheckFailedError(f"after {after} '$/ping' was answered with {answer['error']}")


@FAULTS.opened("frame:malformed", "a line that is no frame does not end the connection")
def frame_malformed(peer: Peer) -> None:
    for line in _BAD_LINES:
        peer.send_line(line)
    _alive(peer, "bad lines")


@FAULTS.opened("fault:invalid-utf8", "a line that is no UTF-8 does not end the connection")
def invalid_utf8(peer: Peer) -> None:
    peer.send_line(b"\xff\xfe\x00")
    peer.send_line(b'{"jsonrpc":"2.0","method":"x/\xc3\x28"}')
    _alive(peer, "invalid UTF-8")


@FAULTS.opened("fault:byte-order-mark", "a byte order mark before a frame does not end the connection")
def byte_order_mark(peer: Peer) -> None:
    peer.send_line(b'\xef\xbb\xbf{"jsonrpc":"2.0","method":"$/conformance"}')
    _alive(peer, "a byte order mark")


@FAULTS.opened("fault:byte-at-a-time", "a frame that arrives one byte at a time is read")
def byte_at_a_time(peer: Peer) -> None:
    frame = peer.prepared(methods.PING)
    peer.send_bytes(msgspec.json.encode(frame) + b"\n", apart=True)
    peer.reply(frame["id"], "'$/ping' written one byte at a time", PING_SECONDS)


@FAULTS.opened("fault:two-frames-one-write", "two frames that arrive together are both answered")
def two_frames_one_write(peer: Peer) -> None:
    frames = [peer.prepared(methods.PING) for _ in range(2)]
    peer.send_bytes(b"".join(msgspec.json.encode(frame) + b"\n" for frame in frames))
    for frame in frames:
        peer.reply(frame["id"], "one of two '$/ping' in one write", PING_SECONDS)


@FAULTS.opened("fault:pretty-printed", "a frame over several lines does not end the connection")
def pretty_printed(peer: Peer) -> None:
    frame = {"jsonrpc": "2.0", "id": "pretty", "method": methods.PING, "params": {"a": [1, 2]}}
    peer.judgement.asking("pretty", methods.PING)
    peer.send_line(msgspec.json.format(msgspec.json.encode(frame), indent=2))
    _alive(peer, "a pretty-printed frame")


@FAULTS.opened("fault:carriage-return", "a line that ends with CR LF is read")
def carriage_return(peer: Peer) -> None:
    frame = peer.prepared(methods.PING)
    peer.send_bytes(msgspec.json.encode(frame) + b"\r\n")
    peer.reply(frame["id"], "'$/ping' ended with CR LF", PING_SECONDS)


@FAULTS.opened("fault:batch", "a batch array does not end the connection")
def batch(peer: Peer) -> None:
    peer.send_line(b'[{"jsonrpc":"2.0","method":"$/conformance"},{"jsonrpc":"2.0","method":"$/conformance"}]')
    peer.send_line(b'["2.0",1,"$/conformance",{}]')
    _alive(peer, "a batch")


@FAULTS.opened("fault:deep-nesting", "a deeply nested line does not end the connection")
def deep_nesting(peer: Peer) -> None:
    depth = 100_000
    peer.send_line(b'{"jsonrpc":"2.0","method":"$/conformance","params":' + b"[" * depth + b"]" * depth + b"}")
    _alive(peer, "deep nesting")


@FAULTS.opened("fault:large-line", "a frame just below 16 MiB is read")
def large_line(peer: Peer) -> None:
    frame = peer.prepared(methods.PING, {"padding": "x" * _LARGE}, odd=True)
    peer.send_line(msgspec.json.encode(frame))
    peer.reply(frame["id"], "'$/ping' of 15 MiB", _LARGE_SECONDS)


@FAULTS.opened("fault:oversized-line", "a line above 16 MiB does not end the connection")
def oversized_line(peer: Peer) -> None:
    peer.send_line(b'{"jsonrpc":"2.0","method":"$/conformance","params":"' + b"x" * _OVERSIZED + b'"}')
    answer = peer.request(methods.PING, request_id="after an oversized line", seconds=_LARGE_SECONDS)
    if "error" in answer:
        raise CheckFailedError(f"'$/ping' was answered with {answer['error']}")


@FAULTS.opened("fault:duplicate-ids", "two requests under one id are both answered")
def duplicate_ids(peer: Peer) -> None:
    for _ in range(2):
        peer.begin(methods.PING, request_id="twice")
    for _ in range(2):
        peer.reply("twice", "one of two '$/ping' under one id", PING_SECONDS)


@FAULTS.opened("fault:late-replies", "an answer to a request nobody sent is dropped without a reply")
def late_replies(peer: Peer) -> None:
    peer.send_line(b'{"jsonrpc":"2.0","id":77777,"result":{}}')
    peer.send_line(b'{"jsonrpc":"2.0","id":"x","error":{"code":-32603,"message":"late"}}')
    _alive(peer, "late replies")
    if peer.unclaimed():
        raise CheckFailedError(f"a response was answered: {peer.unclaimed()[0]}")


@FAULTS.opened("fault:slow-reader", "a host that reads late gets every answer")
def slow_reader(peer: Peer) -> None:
    peer.may_read.clear()
    frames = [peer.prepared(methods.PING) for _ in range(_LATE_PINGS)]
    half = len(frames) // 2
    peer.send_bytes(b"".join(msgspec.json.encode(frame) + b"\n" for frame in frames[:half]))
    peer.may_read.set()
    peer.send_bytes(b"".join(msgspec.json.encode(frame) + b"\n" for frame in frames[half:]))
    for frame in frames:
        peer.reply(frame["id"], "'$/ping' to a host that reads late")


@FAULTS.plugin("fault:stderr-unread", "a plugin whose standard error nobody reads goes on answering")
def stderr_unread(plugin: PluginUnderTest) -> None:
    with plugin.start(unread_stderr=True) as peer:
        plugin.open(peer)
        for _ in range(4):
            peer.send_bytes(_NOISE * (_STRAY_RESPONSES // 4))
            peer.send_bytes(b"nonsense\n" * (_STRAY_RESPONSES // 4))
        _alive(peer, "much to complain about")


@FAULTS.plugin("fault:eof-mid-frame", "the end of input within a frame ends the plugin with 0")
def eof_mid_frame(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        peer.send_bytes(b'{"jsonrpc":"2.0","id":1,"meth')
        peer.close_input()
        require_exit(peer, "the end of its input within a frame")


@FAULTS.plugin("fault:eof-before-handshake", "the end of input before the handshake ends the plugin with 0")
def eof_before_handshake(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        peer.close_input()
        require_exit(peer, "the end of its input before the handshake")


@FAULTS.plugin("fault:killed-anywhere", "after SIGKILL at any frame boundary the plugin starts again")
def killed_anywhere(plugin: PluginUnderTest) -> None:
    for boundary in range(3):
        with plugin.start() as peer:
            if boundary > 0:
                plugin.initialize(peer)
            if boundary > 1:
                peer.notify(methods.INITIALIZED)
                peer.begin(methods.HEALTH_CHECK)
            peer.kill()
    with plugin.started() as peer:
        _alive(peer, "three kills")


@FAULTS.plugin("fault:two-hosts", "two processes of the plugin on one project both serve")
def two_hosts(plugin: PluginUnderTest) -> None:
    with plugin.started() as first, plugin.started() as second:
        for peer in (first, second, first):
            _alive(peer, "a second process on the same project")
