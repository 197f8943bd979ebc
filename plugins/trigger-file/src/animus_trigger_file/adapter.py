"""The trigger over the protocol: ``file_watcher`` triggers in, events out, acknowledgements back."""

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from animus_plugin_protocol import Plugin, RefusedError, methods
from animus_plugin_protocol.described import described
from animus_plugin_protocol.errors import ErrorCode, FatalError
from animus_plugin_protocol.wire.trigger import TriggerAckParams, TriggerAckResult, TriggerSchema, TriggerWatchParams
from animus_trigger_file.watching import Report, Snapshot, TooManyFilesError, Watch, scan

__all__ = ["KIND", "POLL_SECONDS", "FileTrigger", "build"]

KIND = "file_watcher"

POLL_SECONDS = 1.0
"""How often the files are looked at while something is watched for."""

AGAIN_SECONDS = 30.0
"""A report that nobody took is made again after this time."""

_TAKEN = frozenset({"queued", "dispatched", "unmatched", "skipped", "failed"})
_PATHS_SHOWN = 500


class _Config(msgspec.Struct):
    paths: list[str]
    debounce_secs: float = 5.0
    ignore: list[str] = []


class _Trigger(msgspec.Struct):
    id: str
    config: _Config


class _WatchConfig(msgspec.Struct):
    triggers: list[_Trigger] = []


class _Watched:
    """A trigger, its view of the files and what was reported last."""

    def __init__(self, trigger: _Trigger, path: Path) -> None:
        self.trigger, self.path = trigger, path
        self.watch = Watch(_load(path, trigger.config), trigger.config.debounce_secs)
        self.reported: tuple[str, float] | None = None
        self.problem: str | None = None


class FileTrigger:
    """What the plugin does between its messages."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watched: list[_Watched] = []
        self._root = Path()
        self._thread: threading.Thread | None = None

    def watch(self, params: TriggerWatchParams) -> Any:
        """Watch for these triggers from now on, and for no others.

        Raises:
            RefusedError: the host named no project, or the config has another shape.
        """
        binding = self._plugin.extensions.project_binding
        if binding is None:
            raise RefusedError("a file trigger needs a project; the host named none", code=ErrorCode.INVALID_PARAMS)
        try:
            wanted = msgspec.convert(params.config or {}, described(_WatchConfig))
        except msgspec.ValidationError as error:
            raise RefusedError(f"the triggers cannot be read: {error}", code=ErrorCode.INVALID_PARAMS) from error
        state_dir = Path(binding.state_dir or Path(binding.project_root) / ".animus" / "state") / "trigger-file"
        with self._lock:
            self._root = Path(binding.project_root)
            self._watched = [_Watched(one, state_dir / f"{_file_name(one.id)}.json") for one in wanted.triggers]
        if self._thread is None:
            self._thread = threading.Thread(target=self._poll, name="watch files", daemon=True)
            self._thread.start()
        return {"watching": True}

    def ack(self, params: TriggerAckParams) -> TriggerAckResult:
        """Remember what was taken, before anything newer is reported."""
        acked = False
        with self._lock:
            for one in self._watched:
                if params.status in _TAKEN and one.reported is not None and one.reported[0] == params.event_id:
                    acked = True
                    one.reported = None
                    if one.watch.take(params.event_id) and one.watch.baseline is not None:
                        _store(one.path, one.trigger.config, one.watch.baseline)
        return TriggerAckResult(event_id=params.event_id, acked=acked)

    def schema(self, params: None) -> TriggerSchema:  # noqa: ARG002 - the shape of handlers
        """What this trigger can do."""
        return TriggerSchema(kinds=[KIND], supports_resume=True, supports_dedup=True, supports_ack=True)

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(POLL_SECONDS)

    def look(self, now: float) -> None:
        """Look at the files once; `now` in seconds of a clock that never goes back."""
        with self._lock:
            for one in self._watched:
                self._look_at(one, now)

    def _look_at(self, one: _Watched, now: float) -> None:
        config = one.trigger.config
        is_new = one.watch.baseline is None
        try:
            report = one.watch.look(now, scan(self._root, config.paths, config.ignore))
        except (OSError, ValueError, TooManyFilesError) as error:
            if one.problem != str(error):
                one.problem = str(error)
                sys.stderr.write(f"trigger {one.trigger.id!r}: {error}\n")
            return
        one.problem = None
        if is_new and one.watch.baseline is not None:
            _store(one.path, config, one.watch.baseline)
        if report is None or (one.reported is not None and now - one.reported[1] < AGAIN_SECONDS):
            return
        one.reported = (report.event_id, now)
        event = {"event_id": report.event_id, "trigger_id": one.trigger.id, "payload": _payload(report)}
        self._plugin.notify(methods.TRIGGER_EVENT, event)

    def _poll(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                self.look(time.monotonic())
            except FatalError:
                return  # the host is gone


def _payload(report: Report) -> dict[str, Any]:
    """The changes, each list bounded; `total` counts all of them."""
    rows = {"created": report.created, "modified": report.modified, "deleted": report.deleted}
    shown: dict[str, Any] = {name: paths[:_PATHS_SHOWN] for name, paths in rows.items()}
    return shown | {"total": sum(map(len, rows.values()))}


def _file_name(trigger_id: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in trigger_id)[:100]


def _load(path: Path, config: _Config) -> Snapshot | None:
    """The baseline that was stored for the same patterns; None begins anew."""
    try:
        stored = json.loads(path.read_bytes())
        if stored["paths"] == config.paths and stored["ignore"] == config.ignore:
            return {name: (int(row[0]), int(row[1])) for name, row in stored["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        pass
    return None


def _store(path: Path, config: _Config, files: Snapshot) -> None:
    """Replace the stored baseline; one that cannot be stored means that a change may be reported again."""
    data = json.dumps({"paths": config.paths, "ignore": config.ignore, "files": files}).encode()
    temporary = path.with_suffix(".tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)


def build() -> Plugin:
    """The plugin."""
    plugin = Plugin("animus-trigger-file", "0.1.0", description="Reports changed files of the project.")
    trigger = FileTrigger(plugin)
    plugin.register_method(methods.TRIGGER_WATCH, trigger.watch)
    plugin.register_method(methods.TRIGGER_ACK, trigger.ack)
    plugin.register_method(methods.TRIGGER_SCHEMA, trigger.schema)
    plugin.on_shutdown(trigger.stop)
    return plugin
