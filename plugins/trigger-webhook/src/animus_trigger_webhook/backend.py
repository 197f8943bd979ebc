"""The trigger kind over the server: watch, ack, schema."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from animus_plugin_protocol import Context, ErrorCode, Plugin, RefusedError, RpcFault, methods
from animus_plugin_protocol.described import described
from animus_plugin_protocol.wire.lifecycle import EnvRequirement, HealthCheckResult
from animus_plugin_protocol.wire.trigger import (
    TriggerAckParams,
    TriggerAckResult,
    TriggerErrorObject,
    TriggerEventNote,
    TriggerSchema,
    TriggerWatchParams,
)
from animus_trigger_webhook.address import BIND_VARIABLE, DEFAULT_BIND, Address, AddressError, parse_address
from animus_trigger_webhook.hook import GITHUB, PLAIN, Hook

if TYPE_CHECKING:
    from animus_trigger_webhook.intake import Intake
    from animus_trigger_webhook.reporter import Reporter
    from animus_trigger_webhook.server import WebhookServer
    from animus_trigger_webhook.spool import Spool, Spooled

__all__ = ["VERSION", "WebhookBackend", "build"]

VERSION: Final = "0.1.0"
_FOLDER: Final = "trigger-webhook"
_UNMATCHED: Final = "unmatched"
_NOT_TAKEN: Final = "shutdown"


class _HookConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    secret_env: str | None = None
    max_triggers_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 10
    events: tuple[str, ...] = ()


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: str
    config: _HookConfig = _HookConfig()


class _Watch(msgspec.Struct, frozen=True, kw_only=True):
    triggers: list[_Row] | None = None
    """None says nothing about hooks; an empty list says that there are none."""


class WebhookBackend:
    """The handlers. Nothing listens before a host names a hook."""

    def __init__(self, plugin: Plugin, environ: Mapping[str, str] = os.environ) -> None:
        """Serve `plugin`."""
        self._plugin, self._environ = plugin, environ
        self._rows: dict[str, _Row] = {}
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()
        self._running: tuple[WebhookServer, Intake, Spool, Reporter] | None = None

    def register(self) -> None:
        """Serve the kind."""
        plugin = self._plugin
        plugin.register_method(methods.TRIGGER_WATCH, self.watch)
        # On the reader: acknowledgements stay in order, and one costs no more than a commit.
        plugin.register_method(methods.TRIGGER_ACK, self.acknowledge, inline=True)
        plugin.register_method(methods.TRIGGER_SCHEMA, self.schema, inline=True)
        text = f"ADDRESS:PORT to listen at; {DEFAULT_BIND} when not set"
        plugin.require_env(EnvRequirement(name=BIND_VARIABLE, description=text))
        plugin.on_health(self.health)
        plugin.on_shutdown(self.close)

    def watch(self, params: TriggerWatchParams, context: Context) -> Any:
        """Serve the hooks that the host names, besides those of other types that it named before.

        Raises:
            RefusedError: the config has another shape, or names a type that is not served here.
        """
        try:
            named = msgspec.convert(params.config or {}, described(_Watch)).triggers
        except msgspec.ValidationError as error:
            raise RefusedError(
                f"the config of trigger/watch is not {{triggers: [...]}} of webhooks: {error}",
                code=ErrorCode.INVALID_PARAMS,
            ) from error
        rows = named or []
        foreign = [row for row in rows if row.type not in {PLAIN, GITHUB}]
        if foreign:
            raise RefusedError(
                f"trigger {foreign[0].id!r} is of type {foreign[0].type!r}; this plugin serves {PLAIN} and {GITHUB}",
                code=ErrorCode.INVALID_PARAMS,
            )
        with self._lock:
            if named is not None:
                self._apply(rows, context)
            problems = {row.id: self._problems[row.id] for row in rows if row.id in self._problems}
        return {"watching": True} | ({"problems": problems} if problems else {})

    def acknowledge(self, params: TriggerAckParams) -> TriggerAckResult:
        """The host has taken an event, refused it for good, or does not know its trigger any more."""
        running = self._running
        if running is None:
            return TriggerAckResult(event_id=params.event_id, acked=False)
        _, _, spool, reporter = running
        if params.status == _NOT_TAKEN:  # it stays, and is told again to the next that watches
            return TriggerAckResult(event_id=params.event_id, acked=True)
        trigger_id = spool.settle(params.event_id)
        if trigger_id is not None and params.status == _UNMATCHED:
            self._drop(trigger_id)
        elif trigger_id is not None:
            reporter.answered(trigger_id, params.event_id)
        return TriggerAckResult(event_id=params.event_id, acked=trigger_id is not None)

    def schema(self, params: None) -> TriggerSchema:
        """What there is."""
        del params
        return TriggerSchema(kinds=[PLAIN, GITHUB], supports_resume=True, supports_dedup=True, supports_ack=True)

    def health(self) -> HealthCheckResult:
        """Which hooks are not served, and why."""
        found = "; ".join(f"{name}: {text}" for name, text in self._problems.items())
        return HealthCheckResult(status="degraded" if found else "healthy", last_error=found or None)

    def close(self) -> None:
        """End; what was promised is on disk."""
        if self._running is not None:
            server, _, spool, reporter = self._running
            server.close()
            reporter.close()
            spool.close()

    def _apply(self, rows: list[_Row], context: Context) -> None:
        types = {row.type for row in rows} or {PLAIN, GITHUB}
        known = {one.id: one for one in self._rows.values() if one.type not in types} | {row.id: row for row in rows}
        address = self._address()
        hooks, problems = _hooks_of(known.values(), address, self._environ)
        for trigger_id in problems.keys() - self._problems.keys():
            print(f"animus-trigger-webhook: {trigger_id}: {problems[trigger_id]}", file=sys.stderr, flush=True)  # noqa: T201 - the host keeps our stderr
        if hooks and self._running is None:
            self._running = self._start(address, context)
        if self._running is not None:
            _, intake, spool, reporter = self._running
            intake.serve(hooks, problems)
            spool.expire(known)
            for gone in self._rows.keys() - known.keys():
                reporter.forget(gone)
            reporter.watch(row.id for row in rows if row.id not in problems)
        self._rows, self._problems = known, problems

    def _start(self, address: Address, context: Context) -> "tuple[WebhookServer, Intake, Spool, Reporter]":
        from animus_trigger_webhook.intake import Intake  # noqa: PLC0415 - start-up is a budget
        from animus_trigger_webhook.reporter import Reporter  # noqa: PLC0415 - as above
        from animus_trigger_webhook.server import WebhookServer  # noqa: PLC0415 - as above
        from animus_trigger_webhook.spool import Spool, SpoolError  # noqa: PLC0415 - as above

        folder = _folder_of(context, self._environ)
        try:
            spool = Spool(folder / "deliveries.db", time.time)
        except SpoolError as error:
            raise RefusedError(f"deliveries cannot be kept: {error}", code=ErrorCode.INTERNAL_ERROR) from error
        try:
            server = WebhookServer(address)
            (folder / "address").write_text(f"{server.address}\n", encoding="utf-8")
        except OSError as error:
            spool.close()
            raise RefusedError(
                f"cannot listen at {address}: {error.strerror}; set {BIND_VARIABLE}=ADDRESS:PORT in the daemon's"
                " environment and start it again",
                code=ErrorCode.INTERNAL_ERROR,
            ) from error
        reporter = Reporter(spool, self._tell, self._failed)
        intake = Intake(server.address, spool, time.monotonic, reporter.wake)
        server.start(intake)
        return server, intake, spool, reporter

    def _address(self) -> Address:
        try:
            return parse_address(self._environ.get(BIND_VARIABLE) or DEFAULT_BIND)
        except AddressError as error:
            raise RefusedError(str(error), code=ErrorCode.INVALID_PARAMS) from error

    def _tell(self, event: "Spooled") -> None:
        note = TriggerEventNote(
            event_id=event.event_id,
            trigger_id=event.trigger_id,
            action_hint="run_workflow",
            payload=msgspec.Raw(event.payload),
        )
        self._plugin.notify(methods.TRIGGER_EVENT, note)

    def _failed(self, error: Exception) -> None:
        """The stream is over, and the host is told so: it will watch again, and then what waits is reported again."""
        text = f"events could not be reported: {error}"
        print(f"animus-trigger-webhook: {text}", file=sys.stderr, flush=True)  # noqa: T201 - as above
        end = TriggerErrorObject(code=ErrorCode.INTERNAL_ERROR, message=text)
        with contextlib.suppress(RpcFault):
            self._plugin.notify(methods.TRIGGER_EVENT, TriggerEventNote(error=end))

    def _drop(self, trigger_id: str) -> None:
        """The host has no such trigger: its path ends, and what waits for it."""
        if self._running is None:
            return
        _, intake, spool, reporter = self._running
        reporter.forget(trigger_id)
        spool.settle_all(trigger_id)
        with self._lock:
            self._rows.pop(trigger_id, None)
            intake.serve(*_hooks_of(self._rows.values(), self._address(), self._environ))


def _hooks_of(rows: Any, address: Address, environ: Mapping[str, str]) -> tuple[list[Hook], dict[str, str]]:
    """The hooks that can be served, and why the others cannot."""
    hooks: list[Hook] = []
    problems: dict[str, str] = {}
    for row in rows:
        config: _HookConfig = row.config
        secret = environ.get(config.secret_env) if config.secret_env else None
        if config.secret_env and not secret:
            problems[row.id] = (
                f"secret_env names {config.secret_env!r}, which is not set here: start the daemon with it, and with"
                f" its name in ANIMUS_FORWARD_ENV"
            )
        elif not secret and not address.is_loopback:
            problems[row.id] = f"it has no secret_env and {address} can be reached from outside: give it one"
        else:
            hooks.append(
                Hook(
                    row.id, row.type, secret.encode() if secret else None, config.max_triggers_per_minute, config.events
                )
            )
    return hooks, problems


def _folder_of(context: Context, environ: Mapping[str, str]) -> Path:
    """Where deliveries are kept, for a host that binds a project.

    Raises:
        RefusedError: it binds none.
    """
    binding = context.binding
    if binding is None:
        raise RefusedError(
            "this host binds no project, so there is no place to keep deliveries", code=ErrorCode.INVALID_REQUEST
        )
    if binding.state_dir:
        return Path(binding.state_dir) / _FOLDER
    home = environ.get("ANIMUS_CONFIG_DIR")
    return (Path(home) if home else Path.home() / ".animus") / binding.repo_scope / _FOLDER


def build() -> Plugin:
    """The plugin, ready to run."""
    plugin = Plugin(
        "animus-trigger-webhook", VERSION, description="Triggers that answer webhooks, GitHub's among them."
    )
    WebhookBackend(plugin).register()
    return plugin
