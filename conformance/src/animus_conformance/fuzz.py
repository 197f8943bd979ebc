"""A search for bytes that end a plugin, stop it, or mean something else when they are cut differently.

``python -m animus_conformance.fuzz --minutes 30`` counts processor minutes and goes on where the last search stopped:
the totals file holds the number of the next case, and a case is made from its number alone. What fails is written to
the corpus, which the tests replay. Framing and dispatch are those of `animus_plugin_protocol`, in this process.
"""

import argparse
import io
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any, Final

import msgspec

from animus_conformance.streams import PIECES
from animus_plugin_protocol import AsyncContext, Context, Plugin, methods
from animus_plugin_protocol.codec import decode_line
from animus_plugin_protocol.frames import BadFrame, Frame, LineSplitter
from animus_plugin_protocol.wire.queue import QueueStats

__all__ = ["HANG_SECONDS", "MANNERS", "LostStreamError", "Totals", "case", "main", "read_cut", "search", "serve"]

HANG_SECONDS: Final = 1.0
"""Processor seconds that one stream may take."""

STUCK_SECONDS: Final = 20.0
"""Seconds after which a stream that takes no processor time counts as one that stops the plugin."""

LINE_LIMIT: Final = 4096
STREAM_LIMIT: Final = 32_768
"""What is written into a pipe before anybody reads has to fit into it."""

SAVE_SECONDS: Final = 20.0
MANNERS: Final = ("inline", "worker", "async")

_OPENING: Final = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocol_version":"1.1.0","host_info":{"name":"f",'
    b'"version":"1.0.0"},"capabilities":{}}}\n{"jsonrpc":"2.0","method":"initialized"}\n'
)
_STATS: Final = QueueStats(total=0, pending=0, assigned=0, held=0)


class LostStreamError(Exception):
    """A stream was not survived as it has to be."""


class Totals(msgspec.Struct, kw_only=True):
    """What all searches so far have done; `next_case` is where the next one begins."""

    next_case: int = 0
    cpu_seconds: float = 0.0
    streams_bytes: int = 0
    lines: int = 0
    slowest_ms: float = 0.0
    found: list[str] = []


def case(number: int, corpus: Sequence[bytes] = ()) -> bytes:
    """The stream of one case: pieces of frames, or a stream of the corpus with some bytes changed."""
    chance = random.Random(number)  # noqa: S311 - repeatable, not secret
    if corpus and chance.random() < 0.5:  # noqa: PLR2004 - every other case
        return _mutated(chance, chance.choice(corpus))[:STREAM_LIMIT]
    return b"".join(_piece(chance) for _ in range(chance.randint(0, 24)))[:STREAM_LIMIT]


def read_cut(stream: bytes, sizes: Sequence[int]) -> list[str]:
    """What the reader sees of `stream` when it comes in pieces of these sizes and one of the rest.

    Raises:
        LostStreamError: a line is neither frame nor bad frame nor nothing.
    """
    splitter = LineSplitter(LINE_LIMIT)
    ends = [0, *sizes, len(stream)]
    for at in range(1, len(ends) - 1):
        ends[at] += ends[at - 1]
    chunks = [stream[begin:end] for begin, end in pairwise(sorted(min(end, len(stream)) for end in ends))]
    lines = list(chain.from_iterable(splitter.feed(chunk) for chunk in chunks))
    rest = splitter.finish()
    lines += [] if rest is None else [rest]
    for line in lines:
        if isinstance(line, bytes):
            _require_known(decode_line(line), line)
    return [str(line) for line in lines]


def serve(stream: bytes, manner: str = "inline") -> None:
    """Have a plugin that serves in one of `MANNERS` read `stream` behind a handshake, and then the end of input.

    Raises:
        LostStreamError: it ends with an error, or writes what is no frame.
    """
    plugin = _plugin(manner)
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as source:
        source.write(_OPENING + stream[:STREAM_LIMIT])
    output = io.BytesIO()
    with os.fdopen(reading, "rb") as given:
        code = plugin.run([], stdin=given, stdout=output)
    if code != 0:
        raise LostStreamError(f"the plugin ended with {code}")
    for line in output.getvalue().splitlines():
        if json.loads(line).get("jsonrpc") != "2.0":
            raise LostStreamError(f"the plugin wrote {line[:80]!r}")


def search(totals: Totals, corpus: dict[str, bytes], cpu_seconds: float, save: Callable[[], None]) -> dict[str, bytes]:
    """Run cases until `cpu_seconds` more are spent; the streams that were lost, by the name they go by.

    `save` is called from time to time, with `totals` brought up to date.
    """
    lost: dict[str, bytes] = {}
    streams = list(corpus.values())
    began, before, saved = time.process_time(), totals.cpu_seconds, time.process_time()
    while (spent := time.process_time() - began) < cpu_seconds:
        stream = case(totals.next_case, streams)
        took, complaint = _run_case(totals.next_case, stream)
        totals.next_case += 1
        totals.cpu_seconds = round(before + spent + took, 1)
        totals.streams_bytes += len(stream)
        totals.lines += stream.count(b"\n")
        totals.slowest_ms = max(totals.slowest_ms, round(took * 1000, 1))
        if complaint is not None:
            name = f"found-{sha256(stream).hexdigest()[:8]}"
            lost[name] = stream
            totals.found.append(f"{name}: {complaint}")
        if time.process_time() - saved > SAVE_SECONDS:
            save()
            saved = time.process_time()
    return lost


def main(argv: Sequence[str] | None = None) -> int:
    """Search; 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="python -m animus_conformance.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="processor minutes to spend now")
    parser.add_argument("--corpus", type=Path, default=Path("conformance/corpus"), help="where lost streams are kept")
    parser.add_argument(
        "--totals", type=Path, default=Path("conformance/fuzz-totals.json"), help="where the search goes on from"
    )
    arguments = parser.parse_args(argv)
    totals = Totals()
    if arguments.totals.exists():
        totals = msgspec.json.decode(arguments.totals.read_bytes(), type=Totals)
    corpus = {file.name: file.read_bytes() for file in sorted(arguments.corpus.iterdir())}
    known = len(totals.found)

    def save() -> None:
        arguments.totals.write_bytes(msgspec.json.format(msgspec.json.encode(totals)) + b"\n")

    try:
        lost = search(totals, corpus, arguments.minutes * 60, save)
    finally:
        save()
    for name, stream in lost.items():
        (arguments.corpus / name).write_bytes(stream)
    for text in totals.found[known:]:
        print(text)  # noqa: T201 - a command line's answer
    print(  # noqa: T201 - as above
        f"{totals.next_case} streams, {totals.lines} lines, {totals.cpu_seconds / 60:.1f} processor minutes in all; "
        f"slowest stream {totals.slowest_ms:g} ms; found now {len(totals.found) - known}, ever {len(totals.found)}"
    )
    return 1 if len(totals.found) > known else 0


def _run_case(number: int, stream: bytes) -> tuple[float, str | None]:
    chance = random.Random(-number)  # noqa: S311 - as in case
    sizes = [chance.randint(1, 60) for _ in range(chance.randint(0, 40))]
    began = time.process_time()
    try:
        with _alarm():
            _compare(stream, sizes)
            serve(stream, MANNERS[number % len(MANNERS)])
    except Exception:  # noqa: BLE001 - whatever a stream causes is a finding
        return time.process_time() - began, traceback.format_exc(limit=-3).strip()
    took = time.process_time() - began
    return took, f"it took {took:.1f} s" if took > HANG_SECONDS else None


def _require_known(read: object, line: bytes) -> None:
    if not isinstance(read, Frame | BadFrame | None):
        raise LostStreamError(f"the line {line[:80]!r} is nothing that is known")


def _compare(stream: bytes, sizes: Sequence[int]) -> None:
    if read_cut(stream, sizes) != read_cut(stream, ()):
        raise LostStreamError(f"cut at {sizes} it means something else")


@contextmanager
def _alarm() -> Generator[None]:
    """Turn a stream that stops the plugin into an exception, where the system has timers for that."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: object) -> None:
        raise LostStreamError(f"the plugin has not come to its end for {STUCK_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, STUCK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _plugin(manner: str) -> Plugin:
    plugin = Plugin("fuzzed", "1.0.0", description="Answers.")

    def stats(_params: None) -> QueueStats:
        return _STATS

    def stats_in_context(_params: None, context: Context) -> QueueStats:
        context.progress(context.method)
        return _STATS

    async def stats_in_loop(_params: None, context: AsyncContext) -> QueueStats:
        context.progress(context.method)
        return _STATS

    handlers: dict[str, Callable[..., Any]] = {"inline": stats, "worker": stats_in_context, "async": stats_in_loop}
    plugin.register_method(methods.QUEUE_STATS, handlers[manner], inline=manner == "inline")
    return plugin


def _piece(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(0, 40)) if chance.random() < 0.25 else chance.choice(PIECES)  # noqa: PLR2004 - every fourth


def _mutated(chance: random.Random, stream: bytes) -> bytes:
    data = bytearray(stream)
    for _ in repeat(None, chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        match chance.randrange(4):
            case 0:
                data[at:at] = _piece(chance)
            case 1:
                del data[at : at + chance.randint(1, 16)]
            case 2:
                data[at : at + 1] = chance.randbytes(1)
            case _:
                data += data[at : at + chance.randint(1, 200)]
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main())
