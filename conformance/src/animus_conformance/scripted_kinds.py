"""Plugins of the kinds that a dispatch passes through, in the manner of one of the published implementations.

``python -m animus_conformance.scripted_kinds --kind KIND --manner NAME`` serves a queue of the first generation, a
subject backend, a workflow runner or a configuration source, as small as such a plugin can be. What differs between the
manners is what a host can notice: a gate, who checks the version, nulls where a field has a default, which codes an
error has, what ``id: null`` means, and frames that are not compact. What is kept lies beside the project's own files,
because hosts may start a process for each call.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from animus_conformance.scripted_store import CONFIG_SOURCE, QUEUE, RUNNER, SUBJECTS, RefusedHereError, Store

__all__ = ["KINDS", "KIND_MANNERS", "main"]

KINDS: Final = {"queue": QUEUE, "subject_backend": SUBJECTS, "workflow_runner": RUNNER, "config_source": CONFIG_SOURCE}


class KindManner(NamedTuple):
    """How an implementation differs.

    Attributes:
        error_code: what a refusal is answered with; None leaves it the code of its kind.
        writes_nulls: whether what is not there is written as null.
    """

    has_gate: bool
    version_code: int | None
    error_code: int | None
    writes_nulls: bool
    null_id_is_request: bool
    crate_version: str
    indent: int | None
    answers_exit: bool


KIND_MANNERS: Final = {
    "rust": KindManner(True, -32602, None, False, False, "0.3.2", None, False),  # noqa: FBT003 - columns of a table
    "typescript": KindManner(False, -32600, None, False, True, "0.1.0", None, False),  # noqa: FBT003 - as above
    "python": KindManner(False, None, -32603, True, True, "0.1.0", None, True),  # noqa: FBT003 - as above
    "shell": KindManner(False, None, None, False, False, "0.1.0", 2, False),  # noqa: FBT003 - as above
}


class ScriptedKind:
    """One connection of one kind."""

    def __init__(self, kind: str, manner: KindManner, version: str) -> None:
        self._kind = kind
        self._manner = manner
        self._version = version
        self._methods = KINDS[kind]
        self._is_open = not manner.has_gate
        self._store = Store(Path.cwd(), kind)

    def serve(self) -> int:
        """Read to the end of input or ``exit``."""
        for line in sys.stdin.buffer:
            frame: dict[str, Any] = json.loads(line) if line.strip() else {}
            method, has_id = frame.get("method"), "id" in frame
            if method == "initialized":
                self._is_open = True
            elif method == "exit" and not (has_id and self._manner.answers_exit):
                return 0
            elif method is not None and has_id and (frame["id"] is not None or self._manner.null_id_is_request):
                self._write({"jsonrpc": "2.0", "id": frame["id"], **self._reply(method, frame.get("params"))})
        return 0

    def _reply(self, method: str, params: Any) -> dict[str, Any]:
        shared: dict[str, Callable[[], dict[str, Any]]] = {
            "initialize": lambda: self._initialize(params or {}),
            "$/ping": lambda: {"result": {}},
            "health/check": lambda: {"result": {"status": "healthy", "last_error": None}},
            "shutdown": lambda: {"result": {}},
            "exit": lambda: {"result": {}},
        }
        if method in shared:
            return shared[method]()
        verb = method.replace("task/", "subject/", 1) if self._kind == "subject_backend" else method
        if verb not in self._methods:
            return _error(-32601, f"unknown method {method}")
        if not self._is_open:
            return _error(-32000, "not initialized")
        try:
            result = self._methods[verb](self._store, params or {})
        except RefusedHereError as refusal:
            return _error(self._manner.error_code or refusal.code, str(refusal))
        return {"result": result if self._manner.writes_nulls else _without_nulls(result)}

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        major = str(params.get("protocol_version", "")).partition(".")[0]
        if self._manner.version_code is not None and major != "1":
            return _error(self._manner.version_code, "another major version")
        nothing: list[str] | None = None if self._manner.writes_nulls else []
        info = {"name": _name(self._kind), "version": "1.0.0", "plugin_kind": self._kind, "plugin_kinds": nothing}
        capabilities = {"methods": self._names(), "streaming": False, "progress": False, "cancellation": False}
        if self._kind == "subject_backend":
            capabilities["subject_kinds"] = ["task"]
        elif self._manner.writes_nulls:
            capabilities |= {"subject_kinds": None, "projections": None, "mcp_tools": None}
        kinds: dict[str, Any] = {self._kind: {"crate_version": self._manner.crate_version, "extra": {}}}
        shown = {"protocol_version": self._version, "plugin_info": info, "capabilities": capabilities}
        return {"result": {**shown, "kind_capabilities": kinds}}

    def manifest(self) -> dict[str, Any]:
        """What ``--manifest`` prints."""
        kinds = ["subject_kind:task"] if self._kind == "subject_backend" else []
        shown: dict[str, Any] = {
            "name": _name(self._kind),
            "version": "1.0.0",
            "plugin_kind": self._kind,
            "description": "Somebody else's.",
            "protocol_version": self._version,
            "capabilities": [*self._names(), *kinds],
        }
        if self._manner.writes_nulls:
            shown |= {"plugin_kinds": None, "env_required": None, "notification_buffer_size": None}
        return shown | {"supports_mcp": True, "x_unknown": {"to": "hosts"}}

    def _names(self) -> list[str]:
        if self._kind != "subject_backend":
            return list(self._methods)
        return [*self._methods, *(name.replace("subject/", "task/", 1) for name in self._methods)]

    def write_manifest(self) -> None:
        """Print it, as this implementation writes JSON."""
        self._write(self.manifest())

    def _write(self, value: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(value, indent=self._manner.indent) + "\n")
        sys.stdout.flush()


def _name(kind: str) -> str:
    return f"animus-scripted-{kind.replace('_', '-')}"


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _without_nulls(value: Any) -> Any:
    """What a plugin writes that leaves out what is not there; the parts that must be null are marked as such."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _without_nulls(inner) for name, inner in members.items() if inner is not None or name in _NULLS}
    if isinstance(value, list):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
        return [_without_nulls(inner) for inner in items]
    return value


_NULLS: Final = frozenset({"outcome", "metadata", "post_success"})


def main() -> int:
    """Serve; returns the exit code."""
    parser = argparse.ArgumentParser(description="A plugin of one kind, as others write them.")
    parser.add_argument("--manifest", "-m", action="store_true")
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--manner", choices=sorted(KIND_MANNERS), default="rust")
    parser.add_argument("--protocol-version", default="1.1.0")
    parser.add_argument("--late", type=float, default=0.0, help="seconds before anything is said")
    parser.add_argument("--chatty", action="store_true", help="say good morning on standard output first")
    arguments = parser.parse_args()
    plugin = ScriptedKind(arguments.kind, KIND_MANNERS[arguments.manner], arguments.protocol_version)
    if arguments.chatty:
        print(f"{_name(arguments.kind)}: starting as {os.getpid()}", flush=True)  # noqa: T201 - the noise of others
    time.sleep(arguments.late)
    if arguments.manifest:
        plugin.write_manifest()
        return 0
    return plugin.serve()


if __name__ == "__main__":
    sys.exit(main())
