"""A provider that judges its host, in the manner of one of the published implementations.

``python -m animus_conformance.scripted_plugin --findings FILE [--manner NAME]`` serves a host as any plugin does. What
the host does wrong goes to the file, one line a finding; an empty file is a host without findings. The prompt of
``agent/run`` chooses a script: see `SCRIPTS`. Manners are ``rust`` (the generic shell: a gate, answers in any order),
``rust-provider`` (no gate, no version check, deaf to ``$/`` requests and to cancellation) and ``typescript``
(``id: null`` is a request, extra keys in notifications, another error code for another version).
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from animus_conformance.judgement import Judgement
from animus_conformance.requirement import HarnessError

__all__ = ["MANNERS", "SCRIPTS", "Manner", "main"]

_HELD_SECONDS: Final = 30.0
_NOTES: Final = 50
_NOISE_BYTES: Final = 300_000
SCRIPTS: Final = ("echo", "hold", "release", "garbage", "twice", "split", "noisy", "die", "ask", "notes", "environment")


class Manner(NamedTuple):
    """How an implementation differs from the others where a host can notice."""

    has_gate: bool
    checks_version: int | None
    answers_dollar: bool
    takes_cancel: bool
    null_id_is_request: bool
    extra_keys: bool
    crate_version: str


MANNERS: Final = {
    "rust": Manner(True, -32602, True, True, False, False, "0.1.16"),  # noqa: FBT003 - the columns of a table
    "rust-provider": Manner(False, None, False, False, False, False, "0.1.16"),  # noqa: FBT003 - as above
    "typescript": Manner(False, -32600, True, True, True, True, "0.1.0"),  # noqa: FBT003 - as above
}


class ScriptedPlugin:
    """One connection."""

    def __init__(self, manner: Manner, findings: Path, version: str) -> None:
        self._manner = manner
        self._findings = findings
        self._version = version
        self._judgement = Judgement()
        self._turn = threading.Lock()
        self._initialize_seen = self._is_open = False
        self._ids: set[str] = set()
        self._cancelled: dict[str, threading.Event] = {}
        self._released = threading.Event()
        self._answer: dict[str, Any] | None = None
        self._answered = threading.Event()

    def serve(self) -> int:
        """Read to the end of input or ``exit``."""
        for line in sys.stdin.buffer:
            if not line.strip():
                continue
            try:
                frame = json.loads(line)
            except ValueError:
                self._find("host:frames", f"a line that is no JSON: {line[:200]!r}")
                continue
            if self._take(frame) == "exit":
                break
        return 0

    def _take(self, frame: dict[str, Any]) -> str | None:
        if frame.get("jsonrpc") != "2.0":
            self._find("host:frames", f"jsonrpc is not 2.0: {frame}")
        if "method" not in frame:
            self._answer = frame
            self._answered.set()
            return None
        self._judge(frame)
        method, request_id = frame["method"], frame.get("id")
        if method == "exit":
            return "exit"
        if method == "initialized":
            self._is_open = self._initialize_seen
        elif method == "$/cancelRequest" and self._manner.takes_cancel:
            self._cancelled.setdefault(json.dumps(frame["params"]["id"]), threading.Event()).set()
        elif request_id is not None or ("id" in frame and self._manner.null_id_is_request):
            self._start(method, request_id, frame.get("params"))
        return None

    def _start(self, method: str, request_id: Any, params: Any) -> None:
        def work() -> None:
            self._reply(method, request_id, params)

        if method == "agent/run":  # all three run agents beside their readers
            threading.Thread(target=work, daemon=True).start()
        else:
            work()

    def _judge(self, frame: dict[str, Any]) -> None:
        method = frame["method"]
        if "id" in frame:
            request_id = frame["id"]
            if not isinstance(request_id, int) or isinstance(request_id, bool) or request_id < 0:
                self._find("host:ids:integers", f"id {request_id!r} of {method!r}")
            if json.dumps(request_id) in self._ids:
                self._find("host:ids:integers", f"id {request_id!r} was used twice")
            self._ids.add(json.dumps(request_id))
        if method == "initialize":
            self._initialize_seen = True
        elif "/" in method and not method.startswith("$/") and method != "health/check" and not self._is_open:
            self._find("host:initialized:first", f"{method!r} before 'initialized'")
        try:
            self._judgement.sending(frame)
        except HarnessError as error:
            self._find("frame:table:fits", str(error))

    def _reply(self, method: str, request_id: Any, params: Any) -> None:
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "initialize": lambda: self._initialize(params),
            "$/ping": lambda: {"result": {}},
            "health/check": lambda: {"result": {"status": "healthy"}},
            "shutdown": lambda: {"result": {}},
            "agent/cancel": lambda: {"result": {"session_id": params["session_id"], "cancelled": True}},
            "agent/run": lambda: self._run(request_id, params),
        }
        if method not in answers:
            if method.startswith("$/") and not self._manner.answers_dollar:
                return
            reply = _error(-32601, f"unknown method {method!r}")
        elif self._manner.has_gate and method.startswith("agent/") and not self._is_open:
            reply = _error(-32000, "not initialized")
        else:
            reply = answers[method]()
        self._write({"id": request_id, **reply})

    def _initialize(self, params: Any) -> dict[str, Any]:
        major = str(params.get("protocol_version", "")).partition(".")[0]
        if self._manner.checks_version is not None and major != "1":
            return _error(self._manner.checks_version, "another major version")
        info = {"name": "scripted", "version": "1.0.0", "plugin_kind": "provider"}
        capabilities = {"methods": ["agent/run", "agent/cancel"], "cancellation": True, "streaming": True}
        kinds: dict[str, Any] = {"provider": {"crate_version": self._manner.crate_version, "extra": {}}}
        shown = {"protocol_version": self._version, "plugin_info": info, "capabilities": capabilities}
        return {"result": {**shown, "kind_capabilities": kinds}}

    def _run(self, request_id: Any, params: dict[str, Any]) -> dict[str, Any]:
        script, _, rest = params["prompt"].partition(" ")
        session = params.get("session_id", "s")
        scripts: dict[str, Callable[[], Any]] = {
            "hold": lambda: self._wait_released(request_id),
            "release": self._released.set,
            "garbage": lambda: self._write_bytes(b'nonsense\n\n{"jsonrpc":"2.0","id":[]}\n{"a":\n[]\n'),
            "twice": lambda: self._write({"id": request_id, "result": _result(session, "first")}),
            "split": lambda: self._split(session),
            "noisy": lambda: sys.stderr.write("noise\n" * (_NOISE_BYTES // 6)),
            "die": lambda: os._exit(3),
            "ask": self._ask_host,
            "notes": lambda: self._tell(session),
            "environment": lambda: json.dumps(dict(os.environ)),
        }
        said = scripts[script]() if script in scripts else None
        if said is False:
            return _error(-32002, "cancelled")
        return {"result": _result(session, said if isinstance(said, str) else rest)}

    def _ask_host(self) -> str:
        """Ask for what no host knows, and tell the code of the answer."""
        self._write({"id": "from-plugin", "method": "x/nobody", "params": {}})
        self._answered.wait(_HELD_SECONDS)
        return json.dumps((self._answer or {}).get("error", {}).get("code"))

    def _wait_released(self, request_id: Any) -> bool:
        cancelled = self._cancelled.setdefault(json.dumps(request_id), threading.Event())
        deadline = time.monotonic() + _HELD_SECONDS
        while not self._released.wait(0.01):
            if cancelled.is_set() or time.monotonic() > deadline:
                return False
        return True

    def _split(self, session: str) -> None:
        """A note and the beginning of another in one write; its rest in the next."""
        notes = [self._note_frame(session, f"part {number};") for number in range(2)]
        data = b"".join(json.dumps({"jsonrpc": "2.0", **note}).encode() + b"\n" for note in notes)
        self._write_bytes(data[:-30])
        time.sleep(0.05)
        self._write_bytes(data[-30:])

    def _note_frame(self, session: str, text: str) -> dict[str, Any]:
        extra = {"kind": "output"} if self._manner.extra_keys else {}
        return {"method": "agent/output", "params": {"session_id": session, "text": text, "final": False, **extra}}

    def _tell(self, session: str) -> None:
        for number in range(_NOTES):
            self._write(self._note_frame(session, f"note {number};"))

    def _write(self, frame: dict[str, Any]) -> None:
        self._write_bytes(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")

    def _write_bytes(self, data: bytes) -> None:
        with self._turn:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def _find(self, requirement_id: str, text: str) -> None:
        with self._turn, self._findings.open("a", encoding="utf-8") as file:
            file.write(f"{requirement_id}: {text}\n")


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _result(session: str, output: str) -> dict[str, Any]:
    lists: dict[str, list[Any]] = {
        name: [] for name in ("metadata", "tool_calls", "tool_results", "thinking", "errors")
    }
    ended = {"session_id": session, "exit_code": 0, "output": output, "duration_ms": 0, "backend": "scripted"}
    return {**ended, **lists}


def main() -> int:
    """Serve; returns the exit code."""
    parser = argparse.ArgumentParser(description="A provider that judges its host.")
    parser.add_argument("--manifest", "-m", action="store_true")
    parser.add_argument("--findings", type=Path, default=Path(os.devnull))
    parser.add_argument("--manner", choices=sorted(MANNERS), default="rust")
    parser.add_argument("--protocol-version", default="1.1.0")
    parser.add_argument("--stubborn", action="store_true", help="ignore shutdown, exit and the end of input")
    arguments = parser.parse_args()
    if arguments.manifest:
        shown = {"name": "scripted", "version": "1.0.0", "plugin_kind": "provider", "description": "Judges its host."}
        capabilities = ["agent/run", "agent/cancel"]
        manifest = {**shown, "protocol_version": arguments.protocol_version, "capabilities": capabilities}
        sys.stdout.write(json.dumps(manifest) + "\n")
        return 0
    code = ScriptedPlugin(MANNERS[arguments.manner], arguments.findings, arguments.protocol_version).serve()
    while arguments.stubborn:
        time.sleep(1)
    return code


if __name__ == "__main__":
    sys.exit(main())
