"""More core requirements: what is advertised, notifications, load, and the plugin as a process."""

import contextlib
import os
import time
from typing import Final

import msgspec

from animus_conformance.core import CORE, PING_SECONDS, SHUTDOWN_SECONDS, member, require_error
from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_conformance.writing import patient
from animus_plugin_protocol import ErrorCode, methods

__all__ = ["CONDUCT"]

CONDUCT: Final = Suite(CORE.name)

_NOBODYS_METHOD: Final = "conformance/no_such_method"
_PINGS: Final = 200
_GONE_SECONDS: Final = 2.0
_VERSION_PARTS: Final = 3


@CONDUCT.plugin("manifest:short-option", "-m prints what --manifest prints")
def manifest_short_option(plugin: PluginUnderTest) -> None:
    if plugin.manifest_output("-m") != plugin.manifest_output():
        raise CheckFailedError("-m and --manifest print different manifests")


@CONDUCT.plugin("manifest:no-traces", "--manifest leaves nothing behind, neither in the project nor in the state")
def manifest_no_traces(plugin: PluginUnderTest) -> None:
    before = {path.name for path in plugin.folder.rglob("*")}
    plugin.manifest_output()
    left = {path.name for path in plugin.folder.rglob("*")} - before
    if left:
        raise CheckFailedError(f"--manifest left files behind: {', '.join(sorted(left))}")


@CONDUCT.plugin("handshake:params-required", "'initialize' without params is refused")
def handshake_params_required(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        peer.refused(methods.INITIALIZE, odd=True)


@CONDUCT.plugin("handshake:extension-ignored", "an init extension the plugin does not know is ignored")
def handshake_extension_ignored(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        params = plugin.initialize_params()
        params["init_extensions"]["x-conformance"] = {"anything": [1, None]}
        peer.call(methods.INITIALIZE, {**params, "x_unknown": True})


@CONDUCT.plugin("handshake:one-burst", "a request written behind 'initialized' in one write is served")
def handshake_one_burst(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        result = plugin.initialize(peer)
        method = next((name for name in result.capabilities.methods if _is_domain(peer, name)), methods.HEALTH_CHECK)
        request = peer.prepared(method, {}, odd=True)
        peer.send_bytes(b'{"jsonrpc":"2.0","method":"initialized"}\n' + msgspec.json.encode(request) + b"\n")
        answer = peer.reply(request["id"], f"{method!r} right behind 'initialized'")
        if member(answer, "error", "code") == ErrorCode.PLUGIN_NOT_INITIALIZED:
            raise CheckFailedError(f"{method!r} right behind 'initialized' was refused as not initialized")


@CONDUCT.plugin("capabilities:kinds", "every kind served is named, and kind versions are semantic versions")
def capabilities_kinds(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        result = plugin.initialize(peer)
        served = {methods.EVERY_KIND, result.plugin_info.plugin_kind, *result.plugin_info.plugin_kinds}
        for method in result.capabilities.methods:
            row = peer.judgement.row(method)
            if row is not None and row.kind not in served:
                raise CheckFailedError(f"{method!r} is advertised, but the kind {row.kind!r} is not")
    for kind, capability in result.kind_capabilities.items():
        numbers = capability.crate_version.partition("-")[0].split(".")
        if len(numbers) != _VERSION_PARTS or not all(number.isdigit() for number in numbers):
            raise CheckFailedError(f"kind_capabilities.{kind}.crate_version is {capability.crate_version!r}")


@CONDUCT.opened("capabilities:served", "every method that is advertised is known")
def capabilities_served(peer: Peer) -> None:
    for method in peer.capabilities.methods:
        if not _is_domain(peer, method):
            continue
        # Params of another shape: what matters is that the method is known, not that it acts.
        answer = peer.request(method, ["no params of this method"], odd=True)
        if member(answer, "error", "code") == ErrorCode.METHOD_NOT_FOUND:
            raise CheckFailedError(f"{method!r} is advertised and answered with {ErrorCode.METHOD_NOT_FOUND}")


@CONDUCT.opened("method:dollar-unknown", "an unknown method that begins with $/ is -32601 too")
def method_dollar_unknown(peer: Peer) -> None:
    require_error(peer, "$/conformanceNobody", ErrorCode.METHOD_NOT_FOUND, "after the handshake")


@CONDUCT.opened("notification:unanswered", "a notification is never answered, known or not, good or bad")
def notification_unanswered(peer: Peer) -> None:
    peer.notify(_NOBODYS_METHOD, {})
    peer.notify("$/conformanceNobody")
    for params in (b',"params":{"id":"nobody"}', b',"params":[]', b""):
        peer.send_line(b'{"jsonrpc":"2.0","method":"$/cancelRequest"' + params + b"}")
    peer.drain()
    if peer.unclaimed():
        raise CheckFailedError(f"a notification was answered: {peer.unclaimed()[0]}")


@CONDUCT.opened("ping:under-load", "pings are answered within 2 s while other requests are at work")
def ping_under_load(peer: Peer) -> None:
    others = [peer.begin(methods.HEALTH_CHECK) for _ in range(_PINGS)]
    pings = [peer.begin(methods.PING) for _ in range(_PINGS)]
    deadline = time.monotonic() + patient(PING_SECONDS)
    for request_id in pings:
        peer.reply(request_id, "'$/ping' under load", max(0.01, deadline - time.monotonic()))
    for request_id in others:
        peer.reply(request_id, "'health/check' under load")


@CONDUCT.plugin("stdout:pure", "standard output carries frames and nothing else, from start to end")
def stdout_pure(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        peer.drain()
        peer.request(methods.SHUTDOWN, seconds=SHUTDOWN_SECONDS)
        peer.notify(methods.EXIT)
        peer.exit_code()
        peer.read_rest()


@CONDUCT.plugin("exit:without-shutdown", "'exit' without 'shutdown' ends the process")
def exit_without_shutdown(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        peer.notify(methods.EXIT)
        peer.exit_code()


@CONDUCT.plugin("process:nothing-left", "nothing of the plugin runs on after it ended")
def process_nothing_left(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        peer.close_input()
        peer.exit_code()
        deadline = time.monotonic() + patient(_GONE_SECONDS)
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-peer.pid, os.WNOHANG)
            try:
                os.killpg(peer.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        raise CheckFailedError("a process of the plugin's group runs on after the plugin ended")


@CONDUCT.plugin("environment:bare", "the plugin starts with nothing in its environment but PATH")
def environment_bare(plugin: PluginUnderTest) -> None:
    with plugin.start(bare=True) as peer:
        plugin.open(peer)
        peer.request(methods.PING, seconds=PING_SECONDS)


def _is_domain(peer: Peer, method: str) -> bool:
    row = peer.judgement.row(method)
    return row is not None and row.kind != methods.EVERY_KIND
