"""A plugin that does on request what the tests want to see. Runs as a process and in a thread, on either loop."""

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


def fail(how: str) -> Any:
    match how:
        case "refused":
            raise RefusedError("no such thing", code=ErrorCode.QUEUE_LOCK_FAILED, data={"category": "not_found"})
        case "retriable":
            raise RetriableError("later")
        case "fatal":
            raise FatalError("broken")
        case "bug":
            raise KeyError("secret value")
        case "exit":
            sys.exit(3)
        case "cancelled":
            raise Cancelled
        case "oversized":
            return {"small": 1, "blob": "x" * (9 * 1024 * 1024)}
        case "oversized_data":
            raise RefusedError("too much data", data="x" * (9 * 1024 * 1024))
        case "unencodable":
            return object()
        case "surrogate":
            return "\ud800"
        case "surrogate_message":
            raise RefusedError("bad \ud800 text")
        case "pretty":
            return msgspec.Raw(b'{\n  "a": 1\n}')
    return how


def print_everywhere() -> dict[str, Any]:
    print("stray print")
    os.write(1, b"stray write\n")
    subprocess.run([sys.executable, "-c", "print('stray child')"], check=True)
    return {"stdin": sys.stdin.read(), "child": subprocess.run(["cat"], check=True, capture_output=True).stdout.decode()}


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


def register_inline(plugin: Plugin, world: World) -> None:
    @plugin.register_method("probe/inline", inline=True)
    def inline(params: Echo) -> Any:
        world.since_flush += 1
        return {"text": params.text, "since_flush": world.since_flush}

    @plugin.register_method("probe/inline_fail", inline=True)
    def inline_fail(params: Failure) -> Any:
        return fail(params.how)

    @plugin.register_method("probe/inline_notes", inline=True)
    def inline_notes(params: Count, context: Context) -> Any:
        for number in range(params.count):
            context.notify("probe/note", {"number": number})
        world.kept.append(context)
        return {"sent": params.count}

    @plugin.register_method("probe/inline_call", inline=True)
    def inline_call(params: Ask, context: Context) -> Any:
        return context.call_host(params.kind, params.method)

    @plugin.register_method("probe/open", inline=True)
    def open_door(params: None) -> Any:
        world.door.set()
        return {"flushes": world.flushes, "shutdowns": world.shutdowns, "initialized": len(world.initialized_with)}

    @plugin.register_method("probe/late_notes", inline=True)
    def late_notes(params: None) -> Any:
        for context in world.kept:
            context.notify("probe/note", {"late": True})
        return {"contexts": len(world.kept)}

    @plugin.register_method("probe/set_flush", inline=True)
    def set_flush(params: Flush) -> Any:
        world.flush_fails = params.fails
        return {}

    @plugin.register_flush
    def flush() -> None:
        world.flushes += 1
        world.since_flush = 0
        if world.flush_fails:
            world.flush_fails = False
            raise OSError(28, "No space left on device")


def register_plain(plugin: Plugin, world: World) -> None:
    @plugin.register_method("probe/echo")
    def echo(params: Echo) -> Any:
        return {"text": params.text, "number": params.number}

    @plugin.register_method("probe/facts")
    def context_facts(params: Nothing, context: Context) -> Any:
        return facts(context)

    @plugin.register_method("probe/fail")
    def failing(params: Failure) -> Any:
        return fail(params.how)

    @plugin.register_method("probe/wait")
    def wait(params: None, context: Context) -> Any:
        tripped = threading.Event()
        context.on_cancel(tripped.set)
        context.notify("probe/entered", {"id": context.request_id})
        tripped.wait(30)
        world.seen_at_cancel.append((context.is_cancelled(), context.is_stopping()))
        context.raise_if_cancelled()
        return {"cancelled": context.is_cancelled()}

    @plugin.register_method("probe/stubborn")
    def stubborn(params: None, context: Context) -> Any:
        context.notify("probe/entered", {"id": context.request_id})
        world.door.wait(30)
        return {"ended": True}

    @plugin.register_method("probe/notes")
    def notes(params: Count, context: Context) -> Any:
        for number in range(params.count):
            context.notify("probe/note", {"number": number, "fill": "x" * params.size})
        context.progress({"sent": params.count})
        world.kept.append(context)
        return {"sent": params.count}

    @plugin.register_method("probe/print")
    def printing(params: None) -> Any:
        return print_everywhere()

    @plugin.register_method("probe/call")
    def call(params: Ask, context: Context) -> Any:
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


def register_async(plugin: Plugin, world: World) -> None:
    import asyncio

    @plugin.register_method("probe/echo")
    async def echo(params: Echo) -> Any:
        await asyncio.sleep(0)
        return {"text": params.text, "number": params.number}

    @plugin.register_method("probe/facts")
    async def context_facts(params: Nothing, context: AsyncContext) -> Any:
        return facts(context)

    @plugin.register_method("probe/fail")
    async def failing(params: Failure) -> Any:
        await asyncio.sleep(0)
        return fail(params.how)

    @plugin.register_method("probe/wait")
    async def wait(params: None, context: AsyncContext) -> Any:
        context.notify("probe/entered", {"id": context.request_id})
        try:
            await asyncio.Event().wait()
        finally:
            world.seen_at_cancel.append((context.is_cancelled(), context.is_stopping()))

    @plugin.register_method("probe/stubborn")
    async def stubborn(params: None, context: AsyncContext) -> Any:
        context.notify("probe/entered", {"id": context.request_id})
        while not world.door.is_set():
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                continue
        return {"ended": True}

    @plugin.register_method("probe/notes")
    async def notes(params: Count, context: AsyncContext) -> Any:
        for number in range(params.count):
            context.notify("probe/note", {"number": number, "fill": "x" * params.size})
        context.progress({"sent": params.count})
        world.kept.append(context)
        return {"sent": params.count}

    @plugin.register_method("probe/print")
    def printing(params: None) -> Any:
        return print_everywhere()

    @plugin.register_method("probe/call")
    async def call(params: Ask, context: AsyncContext) -> Any:
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


def build(loop: str, world: World | None = None) -> Plugin:
    """The probe on the loop `threads` or `asyncio`."""
    world = world or World()
    plugin = Plugin("animus-probe", "0.1.0", description="Does what tests ask for.", kind="custom")
    register_inline(plugin, world)
    (register_async if loop == "asyncio" else register_plain)(plugin, world)
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
