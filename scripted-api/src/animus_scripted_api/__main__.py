"""Serve a script by hand: ``animus-scripted-api --script FILE --port 0``."""

import argparse
import contextlib
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from animus_scripted_api.loading import ScriptError, load_script
from animus_scripted_api.request_log import Exchanged
from animus_scripted_api.server import ScriptedApi

__all__ = ["main"]

_LOG_SECONDS = 0.5


def main(argv: list[str] | None = None) -> int:
    """Print ``{"url": ..., "port": ...}`` and serve until SIGTERM or SIGINT; returns the exit code."""
    parser = argparse.ArgumentParser(prog="animus-scripted-api", description="A scripted local model server.")
    parser.add_argument("--script", type=Path, required=True, help="JSON file with the replies")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--log", type=Path, help="append each request to this file, one JSON object a line")
    options = parser.parse_args(argv)
    ended = threading.Event()

    def end(_number: int, _frame: object) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        script = load_script(options.script)
    except ScriptError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(options.log.open("a", encoding="utf-8")) if options.log else None
        api = stack.enter_context(ScriptedApi(script, port=options.port))
        sys.stdout.write(json.dumps({"url": api.url, "port": api.port}) + "\n")
        sys.stdout.flush()
        logged: set[int] = set()
        while not ended.wait(_LOG_SECONDS):
            if log is not None:
                _write_log(log, api.log.exchanges(), logged)
        api.stop()  # what is on its way comes to its end, so that the log is whole
        if log is not None:
            _write_log(log, api.log.exchanges(), logged)
    for problem in api.problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if api.problems else 0


def _write_log(log: TextIO, exchanges: list[Exchanged], logged: set[int]) -> None:
    """Write what ended since the last time."""
    logged &= {exchanged.request.number for exchanged in exchanges}
    for exchanged in exchanges:
        request = exchanged.request
        if exchanged.is_over and request.number not in logged:
            logged.add(request.number)
            line = {
                "number": request.number,
                "path": request.path,
                "status": exchanged.status,
                "headers": dict(request.headers),
                "body": request.json,
            }
            log.write(json.dumps(line) + "\n")
    log.flush()


if __name__ == "__main__":
    sys.exit(main())
