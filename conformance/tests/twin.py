"""A plugin written by hand, right in every point but the one that is named on its command line."""

import json
import sys

DEFECT = sys.argv[1]
INFO = {"name": "twin", "version": "1.0.0", "plugin_kind": "custom", "description": "A twin."}
METHODS = ["twin/do", "health/check"]


def has(defect: str) -> bool:
    return defect == DEFECT


def write(frame: dict) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **frame}) + "\n")
    sys.stdout.flush()


def manifest() -> dict:
    description = "" if has("manifest:valid") else INFO["description"]
    return {**INFO, "description": description, "protocol_version": "1.1.0", "capabilities": METHODS}


def initialize(params: dict) -> dict:
    if not params["protocol_version"].startswith("1.") and not has("handshake:version-refused"):
        return {"error": {"code": -32602, "message": "another major version"}}
    info = {**INFO, "version": "2.0.0"} if has("manifest:agrees") else INFO
    capabilities = {} if has("handshake:answered") else {"methods": METHODS}
    return {"result": {"protocol_version": "1.1.0", "plugin_info": info, "capabilities": capabilities}}


def error(code: int) -> dict:
    return {"error": {"code": code, "message": "no"}}


def answer(method: str, params: dict, *, is_open: bool) -> dict:
    answers = {
        "initialize": lambda: initialize(params),
        "$/ping": lambda: error(-32000) if has("ping:answered") and not is_open else {"result": {}},
        "health/check": lambda: {"result": {"status": "fine" if has("health:answered") else "healthy"}},
        "shutdown": lambda: error(-32603) if has("shutdown:answered") else {"result": {}},
        "twin/do": lambda: {"result": None} if is_open or has("gate:not-initialized") else error(-32000),
    }
    if method in answers:
        return answers[method]()
    if has("method:unknown") and is_open:
        return {"result": None}
    return error(-32000 if has("gate:unknown-method") and not is_open else -32601)


def main() -> int:
    if "--manifest" in sys.argv:
        sys.stdout.write(json.dumps(manifest()) + "\n")
        return 0
    if has("stray-print"):
        sys.stdout.write("hello\n")
        sys.stdout.flush()
    is_open = False
    for line in sys.stdin.buffer:
        try:
            frame = json.loads(line)
            method = frame["method"]
        except (ValueError, KeyError, TypeError):
            if has("frame:malformed"):
                return 1
            continue
        if method == "initialized":
            is_open = True
        elif method == "exit":
            return 0
        elif "id" in frame:
            reply_id = str(frame["id"]) if has("id:echoed") else frame["id"]
            write({"id": reply_id, **answer(method, frame.get("params") or {}, is_open=is_open)})
    return 1 if has("eof:exit") else 0


if __name__ == "__main__":
    sys.exit(main())
