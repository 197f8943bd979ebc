"""The two ends of bench/relay.py: as little of a plugin as can be, so that what is between them is measured.

``caller`` sends so many host calls as it is asked to, one after the other, and answers with the seconds of each chunk;
``callee`` answers whatever it is asked; ``echo`` sends back what it gets.
"""

import os
import sys
import time

import msgspec

CHUNK = 10
TEXT = "e" * 120
RESULT = b'"result":{"text":"' + TEXT.encode() + b'"}}\n'


class Frame(msgspec.Struct):
    id: int | str | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")


def lines() -> "list[bytes]":
    data = os.read(0, 65536)
    while data and not data.endswith(b"\n"):
        data += os.read(0, 65536)
    return data.splitlines(keepends=True)


def answer(frame: Frame, result: bytes) -> None:
    os.write(1, b'{"jsonrpc":"2.0","id":' + msgspec.json.encode(frame.id) + b"," + result)


def hello(kind: str) -> bytes:
    said = {
        "protocol_version": "1.1.0",
        "plugin_info": {"name": f"bench-{kind}", "version": "1.0.0", "plugin_kind": kind},
        "capabilities": {"methods": ["$host/call:provider"], "streaming": True},
    }
    return b'"result":' + msgspec.json.encode(said) + b"}\n"


def calls(count: int, line: bytes) -> list[float]:
    """Seconds a call, of each chunk."""
    taken = []
    for _ in range(count // CHUNK):
        began = time.perf_counter()
        for _ in range(CHUNK):
            os.write(1, line)
            lines()
        taken.append((time.perf_counter() - began) / CHUNK)
    return taken


def serve(kind: str) -> None:
    decode = msgspec.json.Decoder(Frame).decode
    while got := lines():
        for line in got:
            frame = decode(line)
            if frame.method == "initialize":
                answer(frame, hello("custom" if kind == "caller" else "provider"))
            elif frame.method == "bench/run":
                wish = {"kind": "provider", "name": "callee", "method": "bench/echo", "params": {"text": TEXT}}
                request = {"jsonrpc": "2.0", "id": "h-1", "method": "host/call", "params": wish}
                count = msgspec.json.decode(frame.params)["count"]
                taken = calls(count, msgspec.json.encode(request) + b"\n")
                answer(frame, b'"result":' + msgspec.json.encode(taken) + b"}\n")
            elif frame.id is not None:
                answer(frame, RESULT)


def bare(count: int) -> None:
    """The caller of the floor: so many lines of the same size, then what it took."""
    line = b"x" * 230 + b"\n"
    os.write(1, msgspec.json.encode(calls(count, line)) + b"\n")


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare(int(sys.argv[2]))
    elif sys.argv[1] == "echo":
        while data := os.read(0, 65536):
            os.write(1, data)
    else:
        serve(sys.argv[1])
