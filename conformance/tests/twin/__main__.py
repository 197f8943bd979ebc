"""The twin: one plugin that serves every kind the suites know, right in all points but the one named by ``--break=``.

Written against the protocol's text with the standard library only, so that the judge and what it judges share nothing.
"""

import contextlib
import copy
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import defects
import journal_kind
import queue_kind
import run_kind
import subject_kind
import trigger_kind
from refusal import RefusalError

BROKEN = next((word.removeprefix("--break=") for word in sys.argv if word.startswith("--break=")), "")
if BROKEN and BROKEN not in defects.ALL:
    sys.exit(f"the twin cannot be broken in {BROKEN!r}")
KINDS = ["subject_backend", "provider", "workflow_runner", "config_source", "workflow_journal", "trigger_backend"]
DOMAIN = [
    *queue_kind.METHODS,
    *subject_kind.METHODS,
    *journal_kind.METHODS,
    *journal_kind.CONFIG_METHODS,
    *run_kind.PROVIDER_METHODS,
    *run_kind.RUNNER_METHODS,
    *trigger_kind.METHODS,
]
IS_MUTE = "--mute" in sys.argv
if IS_MUTE:
    DOMAIN.remove("agent/respond")
ADVERTISED = [*DOMAIN, "health/check"]
LARGEST = 16 * 1024 * 1024


def broken(requirement):
    return requirement == BROKEN


queue_kind.broken = broken
INFO = {"name": "twin", "version": "1.0.0", "plugin_kind": "queue", "plugin_kinds": KINDS, "description": "A twin."}
if broken("capabilities:kinds"):
    INFO["plugin_kinds"] = KINDS[1:]
FALSE_PROMISE = ["queue/v2/renew"] if broken("capabilities:served") else []


class Twin:
    def __init__(self):
        self.is_initialized = self.is_open = self.is_stopping = False
        self.state_dir = self.project = None
        self.watches = []
        self.seen = set()
        self.volatile = {}
        self.programs = run_kind.Programs(broken)
        self.turn = threading.RLock()
        self.write_turn = threading.Lock()

    # frames

    def write(self, frame):
        with self.write_turn:
            sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
            sys.stdout.buffer.flush()

    def serve(self):
        if broken("fault:byte-at-a-time") or broken("fault:two-frames-one-write"):
            self.serve_reads()
            return 0
        for line in sys.stdin.buffer:
            if broken("fault:large-line") and len(line) > LARGEST // 2:
                return 1
            if broken("fault:oversized-line") and len(line) > LARGEST:
                return 1
            if not line.endswith(b"\n") and broken("fault:eof-mid-frame"):
                return 1
            if self.handle(line) == "exit":
                self.last_words()
                return 0
        return self.at_eof()

    def serve_reads(self):
        """Takes what one read gives for one frame."""
        while data := os.read(0, 65536):
            line = data if broken("fault:byte-at-a-time") else data.split(b"\n")[0]
            if line.strip():
                self.handle(line)

    def at_eof(self):
        for name in list(self.programs.running):
            self.programs.cancel(name)
        if broken("process:nothing-left"):
            subprocess.Popen(["sleep", "8"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return 1 if broken("eof:exit") or (broken("fault:eof-before-handshake") and not self.is_initialized) else 0

    def last_words(self):
        if broken("stdout:pure"):
            sys.stdout.write("bye\n")
            sys.stdout.flush()
        if broken("exit:without-shutdown") and not self.is_stopping:
            time.sleep(8)

    def handle(self, line):  # noqa: C901 - one branch for each thing a frame can be
        frame = self.read(line)
        if frame is None:
            return None
        if "method" not in frame:
            if broken("fault:late-replies"):
                self.write({"id": frame["id"], "error": {"code": -32600, "message": "what?"}})
            return None
        if broken("fault:stderr-unread") and self.is_open:
            sys.stderr.write("x" * 200_000)
        method, params = frame["method"], frame.get("params")
        if method == "exit":
            return "exit"
        if method == "initialized":
            self.is_open = self.is_initialized and not broken("handshake:one-burst")
            if broken("handshake:one-burst"):
                threading.Timer(0.2, setattr, (self, "is_open", True)).start()
        elif method == "$/cancelRequest":
            self.cancel(params)
        elif "id" not in frame:
            is_ack = method == "trigger/ack" and broken("trigger:ack:notification")
            if is_ack or broken("notification:unanswered"):
                self.write({"id": None, "error": {"code": -32601, "message": "unknown"}})
        else:
            self.answer(frame["id"], method, params)
        return None

    def read(self, line):
        if broken("fault:carriage-return") and line.endswith(b"\r\n"):
            return None
        if line.startswith(b"\xef\xbb\xbf") and broken("fault:byte-order-mark"):
            os._exit(1)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            if broken("fault:invalid-utf8"):
                os._exit(1)
            return None
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError) as error:
            is_deep = isinstance(error, RecursionError)
            if broken("fault:deep-nesting") and is_deep:
                os._exit(1)
            if broken("fault:pretty-printed") and text.startswith('  "id"'):
                os._exit(1)
            if broken("frame:malformed") and not is_deep:
                os._exit(1)
            return None
        if isinstance(frame, list) and broken("fault:batch"):
            os._exit(1)
        return frame if isinstance(frame, dict) and frame.keys() & {"method", "result", "error"} else None

    def cancel(self, params):
        if broken("provider:cancel:request") or broken("runner:cancel:ended"):
            return
        with contextlib.suppress(TypeError, KeyError):
            self.programs.cancel(f"id {params['id']!r}")

    # requests

    def answer(self, request_id, method, params):
        if broken("fault:duplicate-ids") and repr(request_id) in self.seen:
            return
        self.seen.add(repr(request_id))
        if broken("fault:slow-reader") and len(self.seen) > 3000:
            return
        if broken("ping:under-load") and 150 < len(self.seen) < 200:
            time.sleep(0.1)
        is_long = method in run_kind.LONG and self.is_open
        during = broken("provider:ping:during-run") or broken("runner:ping:during-run")
        if is_long and not during:
            threading.Thread(target=self.reply, args=(request_id, method, params), daemon=True).start()
        else:
            self.reply(request_id, method, params)

    def reply(self, request_id, method, params):
        try:
            reply = self.result(request_id, method, params)
        except RefusalError as error:
            data = {"data": {"category": error.category}} if error.category else {}
            reply = {"error": {"code": error.code, "message": str(error), **data}}
        except run_kind.CancelledError:
            reply = {"error": {"code": -32002, "message": "cancelled", "data": {"category": "cancelled"}}}
        except (KeyError, TypeError, AttributeError) as error:
            reply = {"error": {"code": -32602, "message": f"bad params: {error!r}"}}
        if reply is None:
            return
        if self.is_open:
            spelled = method.startswith("task/")
            change = defects.CHANGES.get(BROKEN, {}).get(method.replace("task/", "subject/"))
            if change is not None:
                reply = change({"spelled": spelled, **(params if isinstance(params, dict) else {})}, reply)
        used = str(request_id) if broken("id:echoed") else request_id
        self.write({"id": used, **reply})

    def result(self, request_id, method, params):
        own = {
            "initialize": self.initialize,
            "$/ping": self.ping,
            "health/check": self.health,
            "shutdown": self.shutdown,
        }
        if method in own:
            return own[method](params)
        if method not in DOMAIN:
            return self.unknown(method)
        if not self.is_open and not broken("gate:not-initialized"):
            raise RefusalError(-32000, "not initialized")
        params = params if params is not None else {}
        if not isinstance(params, dict):
            raise RefusalError(-32602, "params")
        if self.state_dir is None and not broken("queue:binding:required"):
            raise RefusalError(-32207, "no project")
        value = self.domain(request_id, method, params)
        return None if value is Ellipsis else {"result": value}

    def unknown(self, method):
        if broken("method:dollar-unknown") and method.startswith("$/"):
            return {"result": None}
        if broken("method:unknown") and self.is_open and not method.startswith("$/"):
            return {"result": None}
        raise RefusalError(-32000 if broken("gate:unknown-method") and not self.is_open else -32601, method)

    def initialize(self, params):
        if params is None and broken("handshake:params-required"):
            params = {"protocol_version": "1.1.0"}
        if not params["protocol_version"].startswith("1.") and not broken("handshake:version-refused"):
            raise RefusalError(-32602, "another major version")
        extensions = params.get("init_extensions", {})
        if broken("handshake:extension-ignored") and "x-conformance" in extensions:
            raise RefusalError(-32602, "unknown extension")
        binding = extensions.get("project_binding")
        if binding:
            self.state_dir, self.project = Path(binding["state_dir"]), binding["project_root"]
            self.state_dir.mkdir(parents=True, exist_ok=True)
            if broken("fault:killed-anywhere") or broken("fault:two-hosts"):
                self.claim()
        self.is_initialized = True
        capabilities = {"methods": ADVERTISED + FALSE_PROMISE, "cancellation": not broken("provider:cancel:advertised")}
        capabilities["subject_kinds"] = [] if broken("subject:kinds:declared") else ["task"]
        kinds = {
            "queue": {"crate_version": "0.4.0", "extra": queue_kind.EXTRA},
            "provider": {"crate_version": "0.1.0", "extra": {"tools": ["command"]}},
            "workflow_runner": {"crate_version": "0.4.0", "extra": run_kind.RUNNER_EXTRA},
        }
        info = {**INFO, "version": "2.0.0"} if broken("manifest:agrees") else INFO
        capabilities = {} if broken("handshake:answered") else capabilities
        answer = {"protocol_version": "1.1.0", "plugin_info": info, "capabilities": capabilities}
        return {"result": {**answer, "kind_capabilities": kinds}}

    def claim(self):
        """A lock file that outlives its process, or one that shuts a second process out."""
        name = self.state_dir / "claimed"
        if broken("fault:killed-anywhere") and name.exists():
            os._exit(1)
        if broken("fault:two-hosts") and name.exists() and Path(f"/proc/{name.read_text()}").exists():
            os._exit(1)
        name.write_text(str(os.getpid()))

    def ping(self, _params):
        if broken("ping:answered") and not self.is_open:
            raise RefusalError(-32000, "not now")
        return {"result": {}}

    def health(self, _params):
        return {"result": {"status": "fine" if broken("health:answered") else "healthy"}}

    def shutdown(self, _params):
        self.is_stopping = True
        if broken("shutdown:answered"):
            raise RefusalError(-32603, "no")
        return {"result": {}}

    # domain

    def domain(self, request_id, method, params):  # noqa: PLR0911 - one way a kind
        if method == "agent/run":
            if IS_MUTE and params.get("approvals"):
                raise RefusalError(-32603, "approvals")
            value = run_kind.run_agent(self.programs, request_id, params, self.write)
            return Ellipsis if value is None else value
        if method == "agent/cancel":
            is_found = broken("provider:cancel:ended") or self.programs.cancel(f"session {params['session_id']}")
            return {"session_id": params["session_id"], "cancelled": is_found}
        if method == "workflow/execute":
            return run_kind.execute(self.programs, request_id, params, self.project, self.on_runs)
        if method == "workflow/run_phase":
            return run_kind.single_phase(self.programs, request_id, params)
        if method == "agent/respond":
            return run_kind.respond(self.programs, params)
        if method in trigger_kind.METHODS:
            return trigger_kind.serve(
                method,
                params,
                Path(self.project),
                lambda event: self.write({"method": "trigger/event", "params": event}),
                not broken("trigger:event:told"),
            )
        return self.keep(lambda state: self.stateful(state, request_id, method, params), method, params)

    def stateful(self, state, request_id, method, params):
        if method == "workflow/signal":
            return run_kind.steer(state.setdefault("runs", {}), params)
        if method.startswith("queue/"):
            return queue_kind.serve(state, method, params)
        if method.startswith("journal/"):
            return journal_kind.serve(state, method, params)
        if method.startswith("config/"):
            return journal_kind.serve_config(state, method, params)
        value = subject_kind.serve(state, method, params)
        verb = method.partition("/")[2]
        if verb == "watch":
            self.watches.append(request_id)
        elif verb == "unwatch" and not broken("subject:unwatch:quiet"):
            self.watches = [watch for watch in self.watches if str(watch) != params["watch_id"]]
        elif verb == "create":
            for watch in self.watches:
                event = {"id": value["id"], "change_kind": "created", "subject": value}
                told = "other" if broken("subject:watch:changed") else watch
                self.write({"method": "subject/changed", "params": {"id": told, "event": event}})
        return value

    def on_runs(self, change):
        method = "workflow/execute"
        return self.keep(lambda state: change(state.setdefault("runs", {})), method, {})

    def keep(self, work, method, params):
        """Work on the state: read under a lock, changed, written back unless the effect is to be forgotten."""
        forgets = defects.FORGETS.get(BROKEN, ())
        is_forgotten = method.replace("task/", "subject/") in forgets
        durable = ("durable", "killed:resumed")
        is_volatile = any(part in BROKEN for part in durable) or broken("queue:processes:shared")
        with self.turn:
            if is_volatile:
                return copy.deepcopy(work(self.volatile))
            path = self.state_dir / "twin.json"
            with (self.state_dir / "twin.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                state = json.loads(path.read_text()) if path.exists() else {}
                known = list(state.get("journal", {}).get("runs", {}))
                value = copy.deepcopy(work(state))
                again = method == "journal/save" and params["run"]["workflow_id"] in known
                if not is_forgotten and not (again and "journal/save again" in forgets):
                    path.write_text(json.dumps(state))
                return value


def manifest():
    if broken("manifest:no-traces"):
        Path("left-behind").touch()
    capabilities = [*ADVERTISED, *FALSE_PROMISE] + ([] if broken("subject:kinds:declared") else ["subject_kind:task"])
    shown = {**INFO, "protocol_version": "1.1.0", "capabilities": capabilities, "env_required": queue_kind.MANIFEST_ENV}
    if broken("manifest:valid"):
        shown["description"] = ""
    if broken("manifest:short-option") and "-m" in sys.argv:
        shown["version"] = "0.0.0"
    return shown


def main():
    if {"--manifest", "-m"} & set(sys.argv):
        sys.stdout.write(json.dumps(manifest()) + "\n")
        return 0
    if broken("environment:bare") and "HOME" not in os.environ:
        return 1
    return Twin().serve()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
