"""The core requirements: what every plugin of every kind must do."""

from typing import Any, Final, cast

from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError, NotApplicableError, Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import ErrorCode, methods
from animus_plugin_protocol.version import is_compatible

__all__ = ["CORE", "PING_SECONDS", "SHUTDOWN_SECONDS", "domain_method", "member", "require_error", "require_exit"]

PING_SECONDS: Final = 2.0
SHUTDOWN_SECONDS: Final = 2.0
_NOBODYS_METHOD: Final = "conformance/no_such_method"
_FOREIGN_VERSION: Final = "999.0.0"
_IDS: Final[tuple[Any, ...]] = (0, 2**53 + 1, "text", "7", "")

CORE: Final = Suite("core")


@CORE.plugin("manifest:valid", "--manifest prints one JSON line, a complete manifest, and exits 0")
def manifest_valid(plugin: PluginUnderTest) -> None:
    manifest = plugin.read_manifest()
    blank = [name for name in ("name", "version", "plugin_kind", "description") if not getattr(manifest, name).strip()]
    if blank:
        raise CheckFailedError(f"the manifest leaves {', '.join(blank)} blank")
    if not is_compatible(manifest.protocol_version):
        raise CheckFailedError(f"the manifest says protocol {manifest.protocol_version!r}, which no host here speaks")


@CORE.plugin("manifest:agrees", "the manifest says what 'initialize' answers")
def manifest_agrees(plugin: PluginUnderTest) -> None:
    manifest = plugin.read_manifest()
    with plugin.start() as peer:
        result = plugin.initialize(peer)
    said = {
        "name": (manifest.name, result.plugin_info.name),
        "version": (manifest.version, result.plugin_info.version),
        "plugin_kind": (manifest.plugin_kind, result.plugin_info.plugin_kind),
        "plugin_kinds": (set(manifest.plugin_kinds), set(result.plugin_info.plugin_kinds)),
        "protocol_version": (manifest.protocol_version, result.protocol_version),
    }
    for what, (before, after) in said.items():
        if before != after:
            raise CheckFailedError(f"{what} is {before!r} in the manifest and {after!r} in 'initialize'")
    missing = set(result.capabilities.methods) - set(manifest.capabilities)
    if missing:
        raise CheckFailedError(f"'initialize' advertises what the manifest does not: {', '.join(sorted(missing))}")
    kinds = {f"subject_kind:{kind}" for kind in result.capabilities.subject_kinds}
    if not kinds <= set(manifest.capabilities):
        raise CheckFailedError(f"the manifest lacks {', '.join(sorted(kinds - set(manifest.capabilities)))}")


@CORE.plugin("handshake:answered", "'initialize' is answered with the protocol's shape")
def handshake_answered(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        result = plugin.open(peer)
        if not is_compatible(result.protocol_version):
            raise CheckFailedError(f"'initialize' answers protocol {result.protocol_version!r}, no host here speaks it")
        if methods.HEALTH_CHECK not in result.capabilities.methods:
            raise CheckFailedError("'health/check' is missing in capabilities.methods")


@CORE.plugin("handshake:version-refused", "a host of another major version is refused")
def handshake_version_refused(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        answer = peer.request(methods.INITIALIZE, plugin.initialize_params(_FOREIGN_VERSION))
        if "error" not in answer:
            raise CheckFailedError(f"a host that speaks {_FOREIGN_VERSION} was not refused")


@CORE.plugin("gate:not-initialized", "a known method before 'initialized' is -32000")
def gate_not_initialized(plugin: PluginUnderTest) -> None:
    method = domain_method(plugin)
    with plugin.start() as peer:
        require_error(peer, method, ErrorCode.PLUGIN_NOT_INITIALIZED, "before 'initialize'")
        plugin.initialize(peer)
        require_error(peer, method, ErrorCode.PLUGIN_NOT_INITIALIZED, "before 'initialized'")


@CORE.plugin("gate:unknown-method", "an unknown method is -32601 even before the handshake")
def gate_unknown_method(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        require_error(peer, _NOBODYS_METHOD, ErrorCode.METHOD_NOT_FOUND, "before 'initialize'")


@CORE.plugin("method:unknown", "an unknown method is -32601")
def method_unknown(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        plugin.open(peer)
        require_error(peer, _NOBODYS_METHOD, ErrorCode.METHOD_NOT_FOUND, "after the handshake")


@CORE.plugin("ping:answered", "'$/ping' is answered with {} at any time, within 2 s")
def ping_answered(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        for moment in ("before", "after"):
            answer = peer.request(methods.PING, seconds=PING_SECONDS)
            if answer.get("result") != {}:
                raise CheckFailedError(f"'$/ping' {moment} the handshake answered {answer}, expected result {{}}")
            if moment == "before":
                plugin.open(peer)


@CORE.plugin("health:answered", "'health/check' is answered with a known status")
def health_answered(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        plugin.open(peer)
        answer = peer.request(methods.HEALTH_CHECK, seconds=PING_SECONDS)
        status = member(answer, "result", "status")
        if status not in {"healthy", "degraded", "unhealthy"}:
            raise CheckFailedError(f"'health/check' answered {answer}; status must be healthy, degraded or unhealthy")


@CORE.plugin("id:echoed", "an id comes back as it was sent, number or text")
def id_echoed(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        plugin.open(peer)
        for request_id in _IDS:
            peer.request(methods.PING, request_id=request_id, seconds=PING_SECONDS)


@CORE.plugin("shutdown:answered", "'shutdown' is answered within 2 s, 'exit' ends the process with 0")
def shutdown_answered(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        plugin.open(peer)
        answer = peer.request(methods.SHUTDOWN, seconds=SHUTDOWN_SECONDS)
        if "error" in answer:
            raise CheckFailedError(f"'shutdown' was answered with {answer['error']}")
        peer.notify(methods.EXIT)
        require_exit(peer, "'exit'")


@CORE.plugin("eof:exit", "the end of its input ends the plugin with exit code 0")
def eof_exit(plugin: PluginUnderTest) -> None:
    with plugin.start() as peer:
        plugin.open(peer)
        peer.close_input()
        require_exit(peer, "the end of its input")


def domain_method(plugin: PluginUnderTest) -> str:
    """A method of the plugin's own: not a shared one, not a capability string."""
    shared = {name for name, row in methods.METHODS.items() if row.kind == "*"}
    for capability in plugin.manifest().capabilities:
        is_string = capability.startswith("$") or ":" in capability or "/" not in capability
        if capability not in shared and not is_string:
            return capability
    raise NotApplicableError("the manifest names no method of the plugin's own")


def member(frame: dict[str, Any], part: str, name: str) -> Any:
    """``frame[part][name]``, or None where one of them is missing or no object."""
    found: Any = frame.get(part)
    return cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None


def require_error(peer: Peer, method: str, code: int, moment: str) -> None:
    """Fail the check unless `method` is answered with error `code`."""
    answer = peer.request(method, {}, odd=True)
    found = member(answer, "error", "code")
    if found != code:
        seen = f"error {found}" if found is not None else "a result"
        raise CheckFailedError(f"{method!r} {moment} answered {seen}, expected error {code}")


def require_exit(peer: Peer, after: str) -> None:
    """Fail the check unless the plugin ends with 0."""
    code = peer.exit_code()
    if code != 0:
        raise CheckFailedError(f"after {after} the plugin ended with exit code {code}, expected 0")
