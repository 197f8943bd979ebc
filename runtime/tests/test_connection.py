import asyncio
import resource
import sys

import msgspec
import pytest

from animus_plugin_protocol.codec import OversizedFrameError
from animus_plugin_protocol.errors import ErrorCode, FatalError, RefusedError, RetriableError
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.inbound import PluginRequest


def with_plugin(run, start, body, *switches, **options):
    """Start the misbehaving plugin, run `body(connection)`, stop it."""

    async def main():
        plugin = await start(*switches, **options)
        try:
            return await body(plugin.connection)
        finally:
            await plugin.stop()

    return run(main())


def test_raw_params_and_results_pass_as_bytes(run, start):
    odd = b'{"b": 1.50, "a":[ 1e3 ]}'

    async def body(connection):
        return await connection.call_raw("echo", odd, timeout_seconds=60)

    result = with_plugin(run, start, body)
    assert isinstance(result, msgspec.Raw)
    assert msgspec.json.decode(result) == {"b": 1.5, "a": [1000.0]}


def test_many_calls_at_once_get_their_own_answers(run, start):
    async def body(connection):
        calls = [connection.call("echo", {"n": n}, timeout_seconds=60) for n in range(300)]
        return await asyncio.gather(*calls)

    assert with_plugin(run, start, body) == [{"n": n} for n in range(300)]


def test_call_decodes_the_type_asked_for_and_names_the_plugin_when_it_does_not_fit(run, start):
    async def body(connection):
        assert await connection.call("echo", {"n": 1}, result_type=dict[str, int], timeout_seconds=60) == {"n": 1}
        with pytest.raises(FatalError, match=r"'misbehaving' answered 'echo'"):
            await connection.call("echo", {"n": "x"}, result_type=dict[str, int], timeout_seconds=60)

    with_plugin(run, start, body)


def test_error_of_the_plugin_becomes_the_fault_of_its_code(run, start):
    async def body(connection):
        with pytest.raises(RefusedError) as caught:
            await connection.call_raw("no/such", timeout_seconds=60)
        assert caught.value.code == ErrorCode.METHOD_NOT_FOUND

    with_plugin(run, start, body)


def test_call_that_is_never_answered_ends_at_its_deadline_and_the_next_one_works(run, start):
    async def body(connection):
        with pytest.raises(RetriableError, match=r"'misbehaving' did not answer 'never' within 0.05 s") as caught:
            await connection.call_raw("never", timeout_seconds=0.05)
        assert caught.value.code == ErrorCode.TIMEOUT
        assert await connection.call("echo", {"still": "there"}, timeout_seconds=60) == {"still": "there"}

    with_plugin(run, start, body)


def test_calls_expire_each_at_its_own_time_and_leave_the_others_alone(run, start, monkeypatch):
    monkeypatch.setattr("animus_plugin_runtime.connection.CANCEL_SECONDS", 0.01)

    async def body(connection):
        ended = []

        async def never(seconds):
            with pytest.raises(RetriableError) as caught:
                await connection.call_raw("never", timeout_seconds=seconds)
            assert caught.value.code == ErrorCode.TIMEOUT
            ended.append(seconds)

        endless = asyncio.create_task(connection.call_raw("never", timeout_seconds=None))
        await asyncio.gather(never(0.3), never(0.1), never(0.2))
        assert ended == [0.1, 0.2, 0.3]
        assert not endless.done()
        endless.cancel()
        await asyncio.wait({endless})

    with_plugin(run, start, body)


def test_frames_of_one_turn_of_the_loop_leave_in_the_order_they_were_sent(run, start):
    async def body(connection):
        seen = []

        async def echo(number):
            params = {"n": number, "x": "x" * 3000}
            seen.append((await connection.call("echo", params, timeout_seconds=60))["n"])

        await asyncio.gather(*(echo(number) for number in range(100)))
        return seen

    assert with_plugin(run, start, body) == list(range(100))


def test_cancelled_call_reaches_the_plugin_and_waits_for_its_end(run, start):
    lines = []

    async def body(connection):
        call = asyncio.create_task(connection.call_raw("wait_cancel"))
        await asyncio.sleep(0)
        assert b"wait_cancel" in lines[-1]
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert any(b"cancelled as asked" in line for line in lines)

    with_plugin(run, start, body, observers=(lambda direction, plugin, line: lines.append(line),))


def test_plugin_that_dies_in_a_frame_fails_its_calls_with_status_and_last_words(run, start):
    async def main():
        plugin = await start()
        waiting = asyncio.create_task(plugin.connection.call_raw("never"))
        with pytest.raises(RetriableError) as caught:
            await plugin.connection.call_raw("die")
        assert caught.value.code == ErrorCode.HOST_PLUGIN_DIED
        assert caught.value.data == {
            "plugin": "misbehaving",
            "exit_status": 3,
            "stderr": ["I cannot go on"],
            "in_flight": True,
        }
        assert "exit code 3" in str(caught.value)
        assert "I cannot go on" in str(caught.value)
        with pytest.raises(RetriableError):
            await waiting
        with pytest.raises(RetriableError, match="exit code 3"):
            await plugin.connection.call_raw("echo")
        assert (await plugin.ended).exit_code == 3
        assert not plugin.connection.is_open

    run(main())


def test_plugin_that_closes_its_output_is_ended(run, start, is_running):
    async def main():
        plugin = await start()
        pid = plugin.connection.pid
        with pytest.raises(RetriableError, match="closed its pipes"):
            await plugin.connection.call_raw("close_output")
        await plugin.ended
        assert not is_running(pid)

    run(main())


def test_garbage_between_frames_is_skipped_and_counted(run, start):
    async def body(connection):
        assert await connection.call("garbage", timeout_seconds=60) == "after the garbage"
        assert connection.bad_lines.count == 6
        with pytest.raises(RetriableError, match="no frames: 6"):
            await connection.call_raw("never", timeout_seconds=0.01)

    with_plugin(run, start, body)


def test_large_frames_pass_and_oversized_ones_fail_their_call_only(run, start):
    async def body(connection):
        large = await connection.call("huge", {"bytes": 7 * 1024 * 1024}, timeout_seconds=60)
        assert len(large) == 7 * 1024 * 1024
        with pytest.raises(FatalError, match="above 16777216 bytes"):
            await connection.call_raw("huge", {"bytes": 17 * 1024 * 1024}, timeout_seconds=60)
        with pytest.raises(OversizedFrameError, match="'echo'"):
            await connection.call_raw("echo", {"x": "y" * 9 * 1024 * 1024}, timeout_seconds=60)
        assert await connection.call("echo", {"n": 2}, timeout_seconds=60) == {"n": 2}

    with_plugin(run, start, body)


def test_progress_notes_reach_their_call_in_order_and_before_the_answer(run, start):
    seen = []

    async def body(connection):
        other = asyncio.create_task(connection.call_raw("echo", {}, on_note=seen.append, timeout_seconds=60))
        notes = []
        result = await connection.call("flood_notes", {"count": 500}, on_note=notes.append, timeout_seconds=60)
        await other
        assert result == {"sent": 500}
        assert [msgspec.json.decode(note.params)["value"] for note in notes] == list(range(500))

    with_plugin(run, start, body)
    assert seen == []


def test_flood_of_100000_notes_to_a_slow_consumer_stays_bounded_and_stalls_nobody(run, start):
    async def body(connection):
        gate = asyncio.Event()
        notes = []

        async def slowly(note):
            await gate.wait()
            notes.append(note)

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        flood = asyncio.create_task(
            connection.call("flood_notes", {"count": 100_000}, on_note=slowly, timeout_seconds=60)
        )
        await asyncio.sleep(0)
        # Another call on the same connection is answered although nobody takes the notes: the reader goes on.
        assert await connection.call("echo", {"n": 1}, timeout_seconds=60) == {"n": 1}
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (
            1 if sys.platform == "darwin" else 1024
        )
        assert grown < 32 * 1024 * 1024
        gate.set()
        assert await flood == {"sent": 100_000}
        assert len(notes) + sum(note.dropped for note in notes) == 100_000
        assert len(notes) <= 257
        assert msgspec.json.decode(notes[-1].params)["value"] == 99_999

    with_plugin(run, start, body)


def test_session_notes_go_to_the_call_of_the_session_and_the_rest_to_subscribers(run, start):
    async def body(connection):
        mine, rest = [], []
        unsubscribe = connection.subscribe(lambda method, params: rest.append(method))
        flood = {"count": 3, "method": "agent/output"}
        await connection.call("flood_notes", flood, on_note=mine.append, session_id="s", timeout_seconds=60)
        await connection.call("flood_notes", flood, on_note=mine.append, session_id="my-own", timeout_seconds=60)
        assert len(mine) == 6
        await connection.call("flood_notes", flood, timeout_seconds=60)
        assert rest == ["agent/output"] * 3
        unsubscribe()
        await connection.call("flood_notes", flood, timeout_seconds=60)
        assert len(rest) == 3

    with_plugin(run, start, body)


def test_every_note_is_seen_by_the_plain_consumer_although_the_queue_drops(run, start):
    async def body(connection):
        every, slow = [], []

        async def slowly(note):
            slow.append(note)

        flood = {"count": 2000}
        await connection.call_raw("flood_notes", flood, on_note=slowly, on_every_note=every.append, timeout_seconds=60)
        assert [msgspec.json.decode(note.params)["value"] for note in every] == list(range(2000))
        assert len(slow) + sum(note.dropped for note in slow) == 2000

    with_plugin(run, start, body)


@pytest.mark.parametrize("is_async", [False, True])
def test_consumer_that_fails_ends_its_call_only(run, start, is_async):
    def fail(note):
        raise ValueError("the consumer is broken")

    async def fail_async(note):
        fail(note)

    async def body(connection):
        on_note = fail_async if is_async else fail
        with pytest.raises(ValueError, match="the consumer is broken"):
            await connection.call_raw("flood_notes", {"count": 3}, on_note=on_note, timeout_seconds=60)
        assert await connection.call("echo", {"n": 1}, timeout_seconds=60) == {"n": 1}

    with_plugin(run, start, body)


def test_observers_see_every_line_both_ways_and_a_broken_one_is_taken_off(run, start):
    seen, reported = [], []

    def broken(direction, plugin, line):
        raise ValueError("observer")

    async def body(connection):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["message"]))
        await connection.call_raw("echo", {"n": 1}, timeout_seconds=60)

    def observe(direction, plugin, line):
        seen.append((direction, plugin, msgspec.json.decode(line).get("method")))

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["message"]))
        plugin = await start(observers=(broken, observe))
        await plugin.connection.call_raw("echo", {"n": 1}, timeout_seconds=60)
        await plugin.stop()

    run(main())
    assert seen[:5] == [
        ("to_plugin", "misbehaving", "initialize"),
        ("to_host", "misbehaving", None),
        ("to_plugin", "misbehaving", "initialized"),
        ("to_plugin", "misbehaving", "echo"),
        ("to_host", "misbehaving", None),
    ]
    assert reported == ["an observer of plugin 'misbehaving' failed and was taken off"]


async def answer_echo(connection: Connection, request: PluginRequest):
    return msgspec.json.encode({"asked": request.method, "with": msgspec.json.decode(request.params)})


def test_request_of_the_plugin_is_answered_with_the_bytes_the_host_gives(run, start):
    async def body(connection):
        return await connection.call("ask", {"kind": "provider"}, timeout_seconds=60)

    answer = with_plugin(run, start, body, on_request=answer_echo)
    assert answer == {"result": {"asked": "host/call", "with": {"kind": "provider"}}}


def test_fault_and_bug_in_serving_a_request_are_answered(run, start):
    reported = []

    async def refuse(connection, request):
        if msgspec.json.decode(request.params).get("bug"):
            raise ZeroDivisionError
        raise RefusedError("no such plugin", code=ErrorCode.HOST_NO_SUCH_PLUGIN, data={"kind": "x"})

    async def body(connection):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["exception"]))
        first = await connection.call("ask", {}, timeout_seconds=60)
        second = await connection.call("ask", {"bug": True}, timeout_seconds=60)
        return first, second

    first, second = with_plugin(run, start, body, on_request=refuse)
    assert first == {"error": {"code": -32500, "message": "no such plugin", "data": {"kind": "x"}}}
    assert second["error"]["code"] == ErrorCode.INTERNAL_ERROR
    assert "ZeroDivisionError" in second["error"]["message"]
    assert len(reported) == 1


def test_request_without_somebody_to_serve_it_is_refused(run, start):
    async def body(connection):
        return await connection.call("ask", {}, timeout_seconds=60)

    assert with_plugin(run, start, body)["error"]["code"] == ErrorCode.METHOD_NOT_FOUND


def test_plugin_cancels_its_own_request(run, start):
    ended = []

    async def wait_long(connection, request):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(request.id)

    async def body(connection):
        return await connection.call("ask", {"then_cancel": True}, timeout_seconds=60)

    answer = with_plugin(run, start, body, on_request=wait_long)
    assert answer["error"]["code"] == ErrorCode.REQUEST_CANCELLED
    assert ended in ([], ["h-1"])


def test_death_of_the_plugin_cancels_the_work_done_for_it(run, start):
    async def main():
        begun, ended = asyncio.Event(), asyncio.Event()

        async def wait_long(connection, request):
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        plugin = await start(on_request=wait_long)
        asking = asyncio.create_task(plugin.connection.call_raw("ask", {}))
        await begun.wait()
        await plugin.stop()
        await ended.wait()
        with pytest.raises(RetriableError):
            await asking

    run(main())


def test_two_plugins_that_write_before_they_read_do_not_deadlock(run, start):
    """Each writes 8 MiB of requests for the other before it reads anything; pipes hold 64 KiB."""

    async def main():
        plugins = {}

        async def relay(connection, request):
            other = plugins["b" if connection.plugin == "a" else "a"]
            return await other.connection.call_raw("echo", request.params)

        for name in ("a", "b"):
            plugins[name] = await start(name=name, on_request=relay)
        work = {"count": 64, "bytes": 131_072}
        done = await asyncio.gather(
            *(plugin.connection.call("write_before_read", work, timeout_seconds=60) for plugin in plugins.values())
        )
        assert done == [{"answered": 64}, {"answered": 64}]
        await asyncio.gather(*(plugin.stop() for plugin in plugins.values()))

    run(main())


def test_notify_never_waits_and_says_what_is_buffered(run, start, tmp_path):
    gate = tmp_path / "gate"

    async def body(connection):
        stuck = asyncio.create_task(connection.call_raw("pause", {"until": str(gate)}, timeout_seconds=60))
        await asyncio.sleep(0)
        pad = {"pad": "n" * 100_000}
        connection.notify("some/note", pad)
        for _ in range(60):
            connection.notify("some/note", pad)
        assert connection.outbound_bytes > 1_000_000
        waiting = asyncio.create_task(connection.send_note("some/note", pad))
        unsent = asyncio.create_task(connection.call_raw("echo", {"never": "sent"}))
        await asyncio.sleep(0)
        unsent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unsent
        assert not waiting.done()
        gate.touch()
        await asyncio.gather(stuck, waiting)
        assert await connection.call("echo", {"n": 1}, timeout_seconds=60) == {"n": 1}
        assert connection.outbound_bytes == 0

    with_plugin(run, start, body)


def test_plugin_that_takes_nothing_for_too_long_counts_as_dead(run, start, monkeypatch):
    from animus_plugin_runtime import connection as module

    monkeypatch.setattr(module, "WRITE_SECONDS", 0.05)

    async def main():
        plugin = await start()
        hanging = asyncio.create_task(plugin.connection.call_raw("hang"))
        await asyncio.sleep(0)
        for _ in range(40):
            plugin.connection.notify("some/note", {"pad": "n" * 100_000})
        with pytest.raises(RetriableError, match="taken nothing from its standard input"):
            await plugin.connection.send_note("some/note", {})
        with pytest.raises(RetriableError):
            await hanging
        await plugin.ended

    run(main())
