"""A plugin that does on request what the tests want to see. Runs as a process and in a thread, on either loop."""

import asyncio
import os
import subprocess
import sys
import threading
from typing import Any

import msgspec

from animus_plugin_protocol import (
    AsyncContext,
    Cancelled,
    Context,
    ErrorCode,
    FatalError,
    Plugin,
    RefusedError,
    RetriableError,
)


class Nothing(msgspec.Struct):
    pass


class Echo(msgspec.Struct):
    text: str
    number: int = 0


class Failure(msgspec.Struct):
    how: str


class Count(msgspec.Struct):
    count: int
    size: int = 0


class Ask(msgspec.Struct):
    kind: str
    method: str
    params: Any = None
    name: str | None = None
    timeout_seconds: float | None = None
    wants_notes: bool = True
    fails_at_note: int | None = None


class Flush(msgspec.Struct):
    fails: bool


class World:
    """What handlers share, and what a test can look at when the plugin runs in a thread."""

    def __init__(self) -> None:
        self.door = threading.Event()
        self.entered = threading.Semaphore(0)
        self.flushes = 0
        self.flush_fails = False
        self.since_flush = 0
        self.initialized_with: list[Any] = []
        self.shutdowns = 0
        self.kept: list[Any] = []
        self.seen_at_cancel: list[tuple[bool, bool]] = []


FAILURES: dict[str, Exception | Cancelled | SystemExit] = {
    "refused": RefusedError("no such thing", code=ErrorCode.QUEUE_LOCK_FAILED, data={"category": "not_found"}),
    "retriable": RetriableError("later"),
    "fatal": FatalError("broken"),
    "bug": KeyError("secret value"),
    "exit": SystemExit(3),
    "cancelled": Cancelled(),
    "oversized_data": RefusedError("too much data", data="x" * (9 * 1024 * 1024)),
    "surrogate_message": RefusedError("bad \ud800 text"),
}

RESULTS: dict[str, Any] = {
    "oversized": {"small": 1, "blob": "x" * (9 * 1024 * 1024)},
    "unencodable": object(),
    "surrogate": "\ud800",
    "pretty": msgspec.Raw(b'{\n  "a": 1\n}'),
}


def fail(how: str) -> Any:
    if how in FAILURES:
        raise FAILURES[how]
    return RESULTS[how]


def print_everywhere() -> dict[str, Any]:
    print("stray print")  # noqa: T201 - that is what is tested
    os.write(1, b"stray write\n")
    subprocess.run([sys.executable, "-c", "print('stray child')"], check=True)
    return {
        "stdin": sys.stdin.read(),
        "child": subprocess.run(["cat"], check=True, capture_output=True).stdout.decode(),
    }


def facts(context: Context | AsyncContext) -> dict[str, Any]:
    binding, actor = context.binding, context.actor
    return {
        "request_id": context.request_id,
        "method": context.method,
        "subject_kind": context.subject_kind,
        "project_root": binding.project_root if binding else None,
        "user_id": actor.user_id if actor else None,
        "raw": bytes(context.raw_params).decode(),
    }


class InlineHandlers:
    """What runs on the reader."""

    def __init__(self, world: World) -> None:
        self.world = world

    def inline(self, params: Echo) -> Any:
        self.world.since_flush += 1
        return {"text": params.text, "since_flush": self.world.since_flush}

    def inline_fail(self, params: Failure) -> Any:
        return fail(params.how)

    def inline_notes(self, params: Count, context: Context) -> Any:
        for number in range(params.count):
            context.notify("probe/note", {"number": number})
        self.world.kept.append(context)
        return {"sent": params.count}

    def inline_call(self, params: Ask, context: Context) -> Any:
        return context.call_host(params.kind, params.method)

    def open_door(self, params: None) -> Any:
        self.world.door.set()
        return {
            "flushes": self.world.flushes,
            "shutdowns": self.world.shutdowns,
            "initialized": len(self.world.initialized_with),
        }

    def late_notes(self, params: None) -> Any:
        for context in self.world.kept:
            context.notify("probe/note", {"late": True})
        return {"contexts": len(self.world.kept)}

    def set_flush(self, params: Flush) -> Any:
        self.world.flush_fails = params.fails
        return {}

    def flush(self) -> None:
        self.world.flushes += 1
        self.world.since_flush = 0
        if self.world.flush_fails:
            self.world.flush_fails = False
            raise OSError(28, "No space left on device")


class PlainHandlers:
    """What runs on workers."""

    def __init__(self, world: World) -> None:
        self.world = world

    def echo(self, params: Echo) -> Any:
        return {"text": params.text, "number": params.number}

    def context_facts(self, params: Nothing, context: Context) -> Any:
        return facts(context)

    def failing(self, params: Failure) -> Any:
        return fail(params.how)

    def wait(self, params: None, context: Context) -> Any:
        tripped = threading.Event()
        context.on_cancel(tripped.set)
        context.notify("probe/entered", {"id": context.request_id})
        tripped.wait(60)
        self.world.seen_at_cancel.append((context.is_cancelled(), context.is_stopping()))
        context.raise_if_cancelled()
        return {"cancelled": context.is_cancelled()}

    def stubborn(self, params: None, context: Context) -> Any:
        context.notify("probe/entered", {"id": context.request_id})
        self.world.door.wait(60)
        return {"ended": True}

    def notes(self, params: Count, context: Context) -> Any:
        for number in range(params.count):
            context.notify("probe/note", {"number": number, "fill": "x" * params.size})
        context.progress({"sent": params.count})
        self.world.kept.append(context)
        return {"sent": params.count}

    def printing(self, params: None) -> Any:
        return print_everywhere()

    def call(self, params: Ask, context: Context) -> Any:
        seen: list[Any] = []

        def on_note(note: Any) -> None:
            if params.fails_at_note == len(seen):
                raise RefusedError("the caller dislikes this note")
            seen.append([note.seq, note.method, msgspec.json.decode(note.params), note.dropped])

        result = context.call_host(
            params.kind,
            params.method,
            params.params,
            name=params.name,
            run_id="run-1",
            timeout_seconds=params.timeout_seconds,
            on_note=on_note if params.wants_notes else None,
        )
        return {"result": result, "notes": seen}


class AsyncHandlers:
    """What runs in the loop."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def echo(self, params: Echo) -> Any:
        await asyncio.sleep(0)
        return {"text": params.text, "number": params.number}

    async def context_facts(self, params: Nothing, context: AsyncContext) -> Any:
        return facts(context)

    async def failing(self, params: Failure) -> Any:
        await asyncio.sleep(0)
        return fail(params.how)

    async def wait(self, params: None, context: AsyncContext) -> Any:
        context.notify("probe/entered", {"id": context.request_id})
        try:
            await asyncio.Event().wait()
        finally:
            self.world.seen_at_cancel.append((context.is_cancelled(), context.is_stopping()))

    async def stubborn(self, params: None, context: AsyncContext) -> Any:
        context.notify("probe/entered", {"id": context.request_id})
        while not self.world.door.is_set():
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                continue
        return {"ended": True}

    async def notes(self, params: Count, context: AsyncContext) -> Any:
        for number in range(params.count):
            context.notify("probe/note", {"number": number, "fill": "x" * params.size})
        context.progress({"sent": params.count})
        self.world.kept.append(context)
        return {"sent": params.count}

    def printing(self, params: None) -> Any:
        return print_everywhere()

    async def call(self, params: Ask, context: AsyncContext) -> Any:
        seen: list[Any] = []

        def on_note(note: Any) -> None:
            if params.fails_at_note == len(seen):
                raise RefusedError("the caller dislikes this note")
            seen.append([note.seq, note.method, msgspec.json.decode(note.params), note.dropped])

        result = await context.call_host(
            params.kind,
            params.method,
            params.params,
            name=params.name,
            run_id="run-1",
            timeout_seconds=params.timeout_seconds,
            on_note=on_note if params.wants_notes else None,
        )
        return {"result": result, "notes": seen}


INLINE = {
    "probe/inline": "inline",
    "probe/inline_fail": "inline_fail",
    "probe/inline_notes": "inline_notes",
    "probe/inline_call": "inline_call",
    "probe/open": "open_door",
    "probe/late_notes": "late_notes",
    "probe/set_flush": "set_flush",
}
WORKING = {
    "probe/echo": "echo",
    "probe/facts": "context_facts",
    "probe/fail": "failing",
    "probe/wait": "wait",
    "probe/stubborn": "stubborn",
    "probe/notes": "notes",
    "probe/print": "printing",
    "probe/call": "call",
}


def build(loop: str, world: World | None = None) -> Plugin:
    """The probe on the loop `threads` or `asyncio`."""
    world = world or World()
    plugin = Plugin("animus-probe", "0.1.0", description="Does what tests ask for.", kind="custom")
    on_reader = InlineHandlers(world)
    working = AsyncHandlers(world) if loop == "asyncio" else PlainHandlers(world)
    for method, name in INLINE.items():
        plugin.register_method(method, getattr(on_reader, name), inline=True)
    for method, name in WORKING.items():
        plugin.register_method(method, getattr(working, name))
    plugin.register_flush(on_reader.flush)
    plugin.capability("$host/call:provider")

    @plugin.on_initialize
    def initialized(params: Any) -> None:
        if params.host_info.name == "unwanted":
            raise RefusedError("this plugin does not work with 'unwanted'", code=-32104)
        world.initialized_with.append(params)

    @plugin.on_shutdown
    def shut_down() -> None:
        world.shutdowns += 1

    return plugin


if __name__ == "__main__":
    sys.exit(build(os.environ.get("PROBE_LOOP", "threads")).run())
