import asyncio

import pytest

from animus_plugin_protocol.errors import RetriableError
from animus_plugin_runtime.errors import HandshakeError
from animus_plugin_runtime.handshake import HostOffer
from animus_plugin_runtime.supervision import State
from animus_plugin_runtime.supervisor import SupervisedPlugin


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
        assert await connection.call("echo", {"n": 1}, timeout_seconds=10) == {"n": 1}
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
