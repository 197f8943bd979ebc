"""A plugin that can do everything wrong. Single-threaded, blocking, standard library only.

Switches on the command line say how it starts and ends; methods say what it does when called.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SWITCHES = set(sys.argv[1:])
OUT = sys.stdout.buffer
backlog = []  # frames read while waiting for something else


def switch(name, default=None):
    return next((word.partition("=")[2] for word in SWITCHES if word.startswith(f"--{name}=")), default)


def send(frame):
    OUT.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
    OUT.flush()


def read():
    if backlog:
        return backlog.pop(0)
    line = sys.stdin.buffer.readline()
    if not line:
        if "--ignore-eof" in SWITCHES:
            while True:
                time.sleep(60)
        sys.exit(0)
    return json.loads(line)


def wait_for(condition):
    """The next frame for which `condition` holds; others are kept."""
    kept = []
    while True:
        frame = read()
        if condition(frame):
            backlog[:0] = kept
            return frame
        kept.append(frame)


def initialize(params):
    if "--refuse" in SWITCHES:
        raise RefusalError(-32602, "this project is not mine")
    return {
        "protocol_version": switch("version", "1.1.0"),
        "plugin_info": {"name": "misbehaving", "version": "1.0.0", "plugin_kind": "custom"},
        "capabilities": {"methods": [], "cancellation": True},
        "kind_capabilities": {"custom": {"crate_version": "0.1.0", "extra": {"tools": [switch("tool", "none")]}}},
    }


class RefusalError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def die(params):
    OUT.write(b'{"jsonrpc":"2.0","id":1,"resu')
    OUT.flush()
    sys.stderr.write("I cannot go on\n")
    sys.stderr.flush()
    os._exit(3)


def spin(params):
    while True:
        pass


def close_output(params):
    os.close(1)
    while True:
        time.sleep(60)


def hang(params):
    while True:
        time.sleep(60)


def pause(params):
    while not Path(params["until"]).exists():
        time.sleep(0.005)


def flood_notes(params):
    text = "x" * params.get("bytes", 10)
    method = params.get("method", "$/progress")
    for number in range(params["count"]):
        value = {"id": params["id"], "value": number} if method == "$/progress" else {"session_id": "s", "text": text}
        send({"method": method, "params": value})
    return {"sent": params["count"]}


def flood_stderr(params):
    sys.stderr.write("noise " * 200_000)
    for number in range(params["count"]):
        sys.stderr.write(f"line {number} " + "y" * 1000 + "\n")
    sys.stderr.buffer.write(b"\xff\xfe not text\n")
    sys.stderr.flush()


def garbage(params):
    for line in (
        b"hello, I am a print",
        b"\xff\xfe\x00",
        b"[1,2",
        b"[]",
        b"{}",
        b'{"jsonrpc":"1.0","id":7}',
        b"",
        b"  ",
    ):
        OUT.write(line + b"\n")
    send({"id": 99999, "result": "to nobody"})
    send({"id": "1", "result": "ids are integers"})
    return "after the garbage"


def huge(params):
    return "z" * params["bytes"]


def spawn(params):
    program = "import time\nwhile True: time.sleep(60)"
    if params.get("ignore_term"):
        program = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + program
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", program],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if params.get("quiet", True) else None,
    )
    return {"pid": child.pid}


def wait_cancel(params):
    own = params["id"]
    wait_for(lambda frame: frame.get("method") == "$/cancelRequest" and frame["params"]["id"] == own)
    raise RefusalError(-32002, "cancelled as asked")


def ask(params):
    send({"id": "h-1", "method": "host/call", "params": params})
    if params.get("then_cancel"):
        send({"method": "$/cancelRequest", "params": {"id": "h-1"}})
    answer = wait_for(lambda frame: frame.get("id") == "h-1")
    return {key: answer[key] for key in ("result", "error") if key in answer}


def write_before_read(params):
    """Ask many things of the host without reading anything in between."""
    ids = [f"h-{number}" for number in range(params["count"])]
    for request_id in ids:
        send({"id": request_id, "method": "host/call", "params": {"pad": "p" * params["bytes"]}})
    open_ids = set(ids)
    while open_ids:
        frame = wait_for(lambda frame: "method" not in frame or frame["method"] == "echo")
        if frame.get("method") == "echo":
            send({"id": frame["id"], "result": frame["params"]})
        else:
            open_ids.discard(frame["id"])
    return {"answered": len(ids)}


METHODS = {
    "initialize": initialize,
    "echo": lambda params: params,
    "environment": lambda params: {"environ": dict(os.environ), "cwd": str(Path.cwd()), "argv": sys.argv},
    "die": die,
    "close_output": close_output,
    "hang": hang,
    "spin": spin,
    "pause": pause,
    "flood_notes": flood_notes,
    "flood_stderr": flood_stderr,
    "garbage": garbage,
    "huge": huge,
    "spawn": spawn,
    "wait_cancel": wait_cancel,
    "ask": ask,
    "write_before_read": write_before_read,
    "shutdown": lambda params: {},
}


def main():
    if "--manifest" in SWITCHES:
        manifest = {"name": "animus-misbehaving", "version": "1.0.0", "plugin_kind": "custom", "description": "d"}
        sys.stdout.write(json.dumps({**manifest, "protocol_version": switch("version", "1.1.0"), "capabilities": []}))
        return 0
    if "--die-at-start" in SWITCHES:
        sys.stderr.write("no database\n")
        return 4
    if "--ignore-term" in SWITCHES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        frame = read()
        method = frame.get("method")
        if method == "exit" and "--ignore-exit" not in SWITCHES:
            return 0
        if "id" not in frame or method == "never" or ("--no-handshake" in SWITCHES and method == "initialize"):
            continue
        try:
            params = frame.get("params") or {}
            if method in {"flood_notes", "wait_cancel"}:
                params["id"] = frame["id"]
            send({"id": frame["id"], "result": METHODS[method](params)})
        except RefusalError as refusal:
            send({"id": frame["id"], "error": {"code": refusal.code, "message": str(refusal)}})
        except KeyError:
            send({"id": frame["id"], "error": {"code": -32601, "message": f"no {method}"}})


if __name__ == "__main__":
    sys.exit(main())
