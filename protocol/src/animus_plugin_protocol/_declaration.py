"""Everything a plugin says of itself, in one place: manifest and handshake are both written from it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from animus_plugin_protocol._signature import Signature, is_async
from animus_plugin_protocol.codec import decode_params
from animus_plugin_protocol.described import described
from animus_plugin_protocol.methods import CRATE_VERSIONS, HEALTH_CHECK, Method, subject_verb
from animus_plugin_protocol.version import PROTOCOL_VERSION
from animus_plugin_protocol.wire.lifecycle import (
    EnvRequirement,
    HealthCheckResult,
    InitializeParams,
    InitializeResult,
    KindCapability,
    PluginCapabilities,
    PluginInfo,
    PluginManifest,
)

__all__ = ["Declaration", "Hooks", "Registration", "Route"]

SUBJECT_BACKEND: Final = "subject_backend"
PROVIDER: Final = "provider"
_HOST_CALL_CAPABILITY: Final = "$host/call:"
_FIRST_VERSION: Final = "0.1.0"


class Registration(NamedTuple):
    """One ``register_method``."""

    method: str
    kind: str
    row: Method | None
    handler: Callable[..., Any]
    signature: Signature
    inline: bool


class Route:
    """Where a method of the wire leads."""

    __slots__ = ("_decoder", "handler", "inline", "is_async", "method", "params_type", "subject_kind", "wants_context")

    def __init__(self, method: str, registration: Registration, subject_kind: str | None = None) -> None:
        self.method = method
        self.handler = registration.handler
        self.inline = registration.inline
        self.is_async = registration.signature.is_async
        self.wants_context = registration.signature.wants_context
        self.params_type = registration.signature.params_type
        self.subject_kind = subject_kind
        self._decoder: msgspec.json.Decoder[Any] | None = None

    def decode(self, params: msgspec.Raw) -> Any:
        """The params as the handler wants them; None for a method that carries none, whatever was sent.

        Raises:
            RefusedError: -32602.
        """
        if self.params_type is None:
            return None
        return decode_params(self._decoder or self.decoder(), params, self.method)

    def decoder(self) -> "msgspec.json.Decoder[Any]":
        """What reads the params; made at the first call: a start pays only for what it serves."""
        if self._decoder is None:
            self._decoder = msgspec.json.Decoder(described(self.params_type))
        return self._decoder


class Hooks(NamedTuple):
    """What the plugin wants to be asked."""

    on_initialize: tuple[Callable[[InitializeParams], object], ...]
    on_shutdown: tuple[Callable[[], object], ...]
    on_health: Callable[[], HealthCheckResult] | None
    on_flush: tuple[Callable[[], object], ...]


class Declaration:
    """A plugin, complete."""

    def __init__(  # noqa: PLR0913 - one argument a thing that is declared
        self,
        *,
        info: PluginInfo,
        registrations: list[Registration],
        hooks: Hooks,
        subject_kinds: tuple[str, ...],
        capabilities: tuple[str, ...],
        advertised: dict[str, Any],
        env_required: list[EnvRequirement],
        notification_buffer_size: int | None,
        workers: int,
    ) -> None:
        self.info = info
        self.hooks = hooks
        self.workers = workers
        self.routes = _routes(registrations, subject_kinds)
        self._subject_kinds = subject_kinds
        self._methods = [*self.routes, *capabilities, HEALTH_CHECK]
        self._advertised = advertised
        self._env_required = env_required
        self._notification_buffer_size = notification_buffer_size
        self.callable_kinds = frozenset(
            text.removeprefix(_HOST_CALL_CAPABILITY) for text in capabilities if text.startswith(_HOST_CALL_CAPABILITY)
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds served, the primary one first."""
        return (self.info.plugin_kind, *self.info.plugin_kinds)

    @property
    def is_async(self) -> bool:
        """Whether anything in it needs the asyncio loop."""
        from_handlers = any(route.is_async for route in self.routes.values())
        return from_handlers or any(is_async(hook) for hook in self.hooks.on_shutdown)

    def manifest(self) -> PluginManifest:
        """What ``--manifest`` prints."""
        return PluginManifest(
            name=self.info.name,
            version=self.info.version,
            plugin_kind=self.info.plugin_kind,
            plugin_kinds=self.info.plugin_kinds,
            description=self.info.description or "",
            protocol_version=PROTOCOL_VERSION,
            capabilities=[*self._methods, *(f"subject_kind:{kind}" for kind in self._subject_kinds)],
            env_required=self._env_required,
            notification_buffer_size=self._notification_buffer_size,
        )

    def initialize_result(self) -> InitializeResult:
        """What ``initialize`` answers."""
        return InitializeResult(
            protocol_version=PROTOCOL_VERSION,
            plugin_info=self.info,
            capabilities=PluginCapabilities(
                methods=self._methods,
                streaming=PROVIDER in self.kinds,
                progress=True,
                cancellation=True,
                subject_kinds=list(self._subject_kinds),
            ),
            kind_capabilities={
                kind: KindCapability(
                    crate_version=CRATE_VERSIONS.get(kind, _FIRST_VERSION), extra=self._advertised.get(kind)
                )
                for kind in self.kinds
                if kind in CRATE_VERSIONS or kind in self._advertised
            },
        )


def _routes(registrations: list[Registration], subject_kinds: tuple[str, ...]) -> dict[str, Route]:
    routes = {entry.method: Route(entry.method, entry) for entry in registrations}
    for entry in registrations:
        if entry.kind == SUBJECT_BACKEND:
            for kind in subject_kinds:
                spelling = subject_verb(kind, entry.method)
                routes.setdefault(spelling, Route(spelling, entry, kind))
    return routes
