import asyncio
import os

import pytest

from animus_plugin_protocol.errors import ErrorCode, RetriableError
from animus_plugin_runtime.care import CPU_SECONDS, Care
from animus_plugin_runtime.errors import HandshakeError
from animus_plugin_runtime.handshake import HostOffer
from animus_plugin_runtime.process_cap import ProcessCap
from animus_plugin_runtime.supervision import State
from animus_plugin_runtime.supervisor import SupervisedPlugin
from animus_plugin_runtime.traffic import Quota


class HandClock:
    """Time passes when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def supervised(candidate, ledger, tmp_path):
    def make(*switches, **options):
        events = []
        clock = HandClock()
        plugin = SupervisedPlugin(
            candidate(*switches),
            HostOffer(),
            project_root=tmp_path,
            ledger=ledger,
            on_event=events.append,
            clock=clock,
            **options,
        )
        return plugin, events, clock

    return make


async def crash(plugin):
    connection = await plugin.connection()
    with pytest.raises(RetriableError):
        await connection.call_raw("die")


def test_plugin_that_needs_another_variable_starts_anew_with_it_and_keeps_it(run, supervised):
    environ = {"PATH": os.environ["PATH"], "FIRST": "1", "SECOND": "2", "THIRD": "3"}
    plugin, events, _ = supervised(environ=environ)

    async def main():
        first = await plugin.connection_with(["FIRST", "MISSING"])
        assert await plugin.connection_with(["FIRST"]) is first
        both = await plugin.connection_with({"SECOND"})
        assert not first.is_open
        seen = (await both.call("environment", timeout_seconds=60))["environ"]
        assert {name: seen.get(name) for name in environ if name != "PATH"} == {
            "FIRST": "1",
            "SECOND": "2",
            "THIRD": None,
        }
        await plugin.stop()

    run(main())
    assert [event.kind for event in events].count("died") == 0
    assert plugin.restarts == 0


def test_plugin_starts_when_first_needed_and_once_for_everybody(run, supervised):
    plugin, events, _ = supervised()

    async def main():
        assert (plugin.state, plugin.current, plugin.pid) == (State.STOPPED, None, None)
        connections = await asyncio.gather(*(plugin.connection() for _ in range(5)))
        assert len({id(connection) for connection in connections}) == 1
        assert (plugin.state, plugin.pid, plugin.current) == (State.READY, connections[0].pid, connections[0])
        await plugin.stop()
        assert (plugin.state, plugin.current, plugin.pid) == (State.STOPPED, None, None)

    run(main())
    assert [event.kind for event in events] == ["started", "stopped"]


def test_dead_plugin_is_started_again_and_its_death_is_told(run, supervised):
    plugin, events, _ = supervised()

    async def main():
        await crash(plugin)
        first = plugin
        connection = await plugin.connection()
        assert await connection.call("echo", {"n": 1}, timeout_seconds=60) == {"n": 1}
        assert first.restarts == 1
        await plugin.stop()

    run(main())
    assert [event.kind for event in events] == ["started", "died", "started", "stopped"]
    assert "exit code 3" in events[1].detail
    assert plugin.last_error.startswith("exit code 3; its last words: I cannot go on")
    assert events[0].pid == events[1].pid != events[2].pid


def test_plugin_that_keeps_dying_is_left_alone_for_five_minutes(run, supervised):
    plugin, _, clock = supervised()

    async def main():
        for _ in range(4):
            await crash(plugin)
        with pytest.raises(RetriableError, match=r"left alone for another 300 s; the last time: exit code 3"):
            await plugin.connection()
        assert plugin.state is State.COOLING_DOWN
        assert clock.now == 2.5
        clock.now += 299
        with pytest.raises(RetriableError, match="another 1 s"):
            await plugin.connection()
        clock.now += 1
        assert (await plugin.connection()).is_open
        await plugin.stop()

    run(main())


def test_start_that_fails_is_told_to_everybody_who_waits(run, supervised, ledger):
    plugin, events, _ = supervised("--die-at-start")

    async def main():
        results = await asyncio.gather(*(plugin.connection() for _ in range(3)), return_exceptions=True)
        assert all(isinstance(result, RetriableError) and "no database" in str(result) for result in results)
        assert plugin.state is State.BACKOFF
        await plugin.stop()
        assert plugin.state is State.STOPPED

    run(main())
    assert [event.kind for event in events] == ["start_failed"]
    assert ledger.load() == ([], [])


def test_handshake_refusal_reaches_the_caller_as_it_is(run, supervised):
    plugin, _, _ = supervised("--refuse")

    async def main():
        with pytest.raises(HandshakeError, match="this project is not mine"):
            await plugin.connection()
        await plugin.stop()

    run(main())


def test_stopped_plugin_does_not_start_again(run, supervised):
    plugin, _, _ = supervised()

    async def main():
        await plugin.connection()
        await asyncio.gather(plugin.stop(), plugin.stop())
        await plugin.stop()
        with pytest.raises(RetriableError, match="it was stopped"):
            await plugin.connection()

    run(main())


def test_stop_in_the_middle_of_a_start_leaves_nothing(run, supervised, ledger):
    plugin, _, _ = supervised("--no-handshake")

    async def main():
        starting = asyncio.create_task(plugin.connection())
        await asyncio.to_thread(_wait_for_record, ledger)
        await plugin.stop()
        with pytest.raises(RetriableError, match="it was stopped"):
            await starting
        assert plugin.state is State.STOPPED

    run(main())
    assert ledger.load() == ([], [])


def _wait_for_record(ledger):
    while not ledger.load()[0]:
        pass


def test_caller_that_gives_up_does_not_stop_the_start(run, supervised):
    plugin, _, _ = supervised()

    async def main():
        impatient = asyncio.create_task(plugin.connection())
        patient = asyncio.create_task(plugin.connection())
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert (await patient).is_open
        await plugin.stop()

    run(main())


def test_listener_that_fails_does_not_stop_supervision(run, supervised):
    reported = []

    def broken(event):
        raise ValueError("listener")

    plugin, _, _ = supervised()
    plugin._on_event = broken

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["message"]))
        await plugin.connection()
        await plugin.stop()

    run(main())
    assert len(reported) == 2


def test_unused_plugin_rests_and_starts_again_when_it_is_needed(run, supervised):
    plugin, events, clock = supervised(care=Care(idle_seconds=300))

    async def main():
        first = await plugin.connection()
        clock.now += 299
        await plugin.tend()
        assert plugin.current is first
        clock.now += 1
        await plugin.tend()
        assert (plugin.state, plugin.pid) == (State.STOPPED, None)
        assert await (await plugin.connection()).call("echo", {"n": 1}, timeout_seconds=60) == {"n": 1}
        assert plugin.restarts == 0
        await plugin.stop()

    run(main())
    assert [event.kind for event in events] == ["started", "stopped", "started", "stopped"]


def test_resident_plugin_stays(run, supervised):
    plugin, _, clock = supervised()

    async def main():
        await plugin.connection()
        clock.now += 1e6
        await plugin.tend()
        assert plugin.state is State.READY
        await plugin.stop()

    run(main())


def test_plugin_that_uses_too_much_memory_is_replaced_and_the_reason_told(run, supervised):
    plugin, events, _ = supervised(care=Care(memory_bytes=1024 * 1024))

    async def main():
        first = await plugin.connection()
        assert plugin.usage.memory_bytes > 1024 * 1024
        call = asyncio.create_task(first.call_raw("hang"))
        await asyncio.sleep(0)
        await plugin.tend()
        with pytest.raises(RetriableError, match="MiB of memory"):
            await call
        assert (await plugin.connection()) is not first
        await plugin.stop()

    run(main())
    assert events[1].kind == "died"
    assert "MiB of memory" in events[1].detail


def test_plugin_that_keeps_processors_busy_is_replaced_and_a_quiet_one_stays(run, supervised, wait_until):
    care = Care(cpu_cores=0.01)
    busy, events, clock = supervised(care=care)
    quiet, _, quiet_clock = supervised(care=care)

    async def main():
        first = await busy.connection()
        stays = await quiet.connection()
        call = asyncio.create_task(first.call_raw("spin"))
        for plugin in (busy, quiet):
            await plugin.tend()
        enough = busy.usage.cpu_seconds + 2 * 0.01 * CPU_SECONDS
        await asyncio.to_thread(wait_until, lambda: busy.usage.cpu_seconds >= enough)
        clock.now += CPU_SECONDS
        quiet_clock.now += CPU_SECONDS
        for plugin in (busy, quiet):
            await plugin.tend()
        with pytest.raises(RetriableError, match="processor cores and may use"):
            await call
        assert quiet.current is stays
        assert (await busy.connection()) is not first
        for plugin in (busy, quiet):
            await plugin.stop()

    run(main())
    assert [event.kind for event in events] == ["started", "died", "started", "stopped"]


def test_idle_plugin_makes_room_for_one_that_is_needed(run, supervised):
    cap = ProcessCap(2)
    resting = Care(idle_seconds=1e9)
    (first, events, first_clock), (second, _, _), (third, _, _) = [supervised(care=resting, cap=cap) for _ in range(3)]

    async def main():
        await first.connection()
        await second.connection()
        first_clock.now += 10  # unused for longer than the other
        await third.connection()
        assert [plugin.state for plugin in (first, second, third)] == [State.STOPPED, State.READY, State.READY]
        await first.connection()
        assert [plugin.state for plugin in (first, second, third)].count(State.READY) == 2
        for plugin in (first, second, third):
            await plugin.stop()

    run(main())
    assert first.restarts == 0
    assert [event.kind for event in events][:2] == ["started", "stopped"]


def test_start_beyond_the_cap_is_refused_while_nothing_may_rest(run, supervised):
    cap = ProcessCap(2)
    resident, _, _ = supervised(cap=cap)
    working, _, _ = supervised(care=Care(idle_seconds=1e9), cap=cap)
    third, events, _ = supervised(care=Care(idle_seconds=1e9), cap=cap)

    async def main():
        await resident.connection()
        call = asyncio.create_task((await working.connection()).call_raw("hang"))
        await asyncio.sleep(0)
        with pytest.raises(RetriableError, match="2 plugin processes run and none of them is idle") as caught:
            await third.connection()
        assert caught.value.code == ErrorCode.HOST_OVERLOADED
        assert (third.state, third.restarts) == (State.STOPPED, 0)
        assert [cap.keeps_out(plugin) for plugin in (resident, working, third)] == [False, False, True]
        await working.stop()  # its place is free again
        assert not cap.keeps_out(third)
        with pytest.raises(RetriableError):
            await call
        assert (await third.connection()).is_open
        for plugin in (resident, third):
            await plugin.stop()

    run(main())
    assert [event.kind for event in events] == ["start_failed", "started", "stopped"]


def test_place_of_a_plugin_that_died_or_did_not_start_is_free(run, supervised, wait_until):
    cap = ProcessCap(1)
    dying, _, _ = supervised(cap=cap)
    broken, _, _ = supervised("--die-at-start", cap=cap)
    last, _, _ = supervised(cap=cap)

    async def main():
        await crash(dying)
        await asyncio.to_thread(wait_until, lambda: dying.state is not State.READY)
        with pytest.raises(RetriableError, match="no database"):
            await broken.connection()
        assert (await last.connection()).is_open
        for plugin in (dying, broken, last):
            await plugin.stop()

    run(main())


def test_plugin_that_owes_answers_and_answers_no_pings_is_ended(run, supervised, monkeypatch):
    monkeypatch.setattr("animus_plugin_runtime.supervisor.PING_SECONDS", 0.05)
    plugin, events, clock = supervised()

    async def main():
        connection = await plugin.connection()
        call = asyncio.create_task(connection.call_raw("hang"))
        await asyncio.sleep(0)
        for _ in range(3):
            assert plugin.state is State.READY
            clock.now += 61
            await plugin.tend()
        with pytest.raises(RetriableError, match="owes answers"):
            await call
        await plugin.connection()  # after the end of the first
        await plugin.stop()

    run(main())
    assert "did not answer 3 pings" in next(event for event in events if event.kind == "died").detail


def test_death_is_told_with_the_last_words_and_frames(run, supervised):
    plugin, events, _ = supervised()

    async def main():
        await crash(plugin)
        await plugin.connection()
        await plugin.stop()

    run(main())
    died = events[1]
    assert died.stderr == ["I cannot go on"]
    assert any('"method":"die"' in line and line.startswith("to_plugin") for line in died.frames)


def test_plugin_that_floods_is_ended_by_its_quota(run, supervised):
    plugin, events, _ = supervised(quota=Quota(bytes_per_second=1024, burst_bytes=100_000))

    async def main():
        connection = await plugin.connection()
        with pytest.raises(RetriableError, match="writes more than"):
            await connection.call_raw("flood_notes", {"id": 7, "count": 5000}, timeout_seconds=60)
        await plugin.connection()
        await plugin.stop()

    run(main())
    assert "writes more than" in next(event for event in events if event.kind == "died").detail
