"""A stream is bounded, says why it ends, and keeps its items in order."""

import asyncio

import msgspec
import pytest

from animus_control.errors import daemon_needed
from animus_transport_http import event_stream
from animus_transport_http.event_stream import EventStream, Item


async def items(count, then=None):
    for number in range(1, count + 1):
        yield Item(msgspec.Raw(b'{"n":%d}' % number), number)
    if then is not None:
        raise then


def collected(stream: EventStream) -> str:
    async def whole() -> bytes:
        return b"".join([chunk async for chunk in stream.chunks()])

    return asyncio.run(whole()).decode()


def test_items_are_sent_in_order_with_their_numbers_and_the_end_is_told():
    text = collected(EventStream(items(2)))
    first, second, end = text.removeprefix("retry: 1000\n\n").split("\n\n")[:3]
    assert (first, second) == ('id: 1\ndata: {"n":1}', 'id: 2\ndata: {"n":2}')
    assert end == 'event: closed\ndata: {"reason":"ended"}'


def test_item_without_a_number_has_no_id():
    assert Item(msgspec.Raw(b"1")).encoded() == b"data: 1\n\n"


def test_daemon_that_goes_away_is_told_as_the_reason():
    text = collected(EventStream(items(1, then=daemon_needed("the daemon went away"))))
    assert text.endswith('"unavailable","message":"the daemon went away; start one with: animus daemon start"}\n\n')


def test_defect_ends_the_stream_and_is_told(capsys):
    assert '"internal"' in collected(EventStream(items(1, then=KeyError("x"))))
    assert "KeyError" in capsys.readouterr().err


def test_client_that_is_too_slow_gets_what_waited_and_is_cut(monkeypatch):
    monkeypatch.setattr(event_stream, "BUFFER_BYTES", 100)

    async def slowly() -> list[bytes]:
        taken = 0
        ended = asyncio.Event()

        async def endless():
            nonlocal taken
            try:
                async for item in items(10_000):
                    taken += 1
                    yield item
            finally:
                ended.set()

        stream = EventStream(endless())
        chunks = stream.chunks()
        received = [await anext(chunks), await anext(chunks)]  # and now it reads nothing while the daemon sends
        await ended.wait()
        assert taken < 20
        return received + [chunk async for chunk in chunks]

    received = asyncio.run(slowly())
    numbers = [int(chunk.split(b"\n")[0].removeprefix(b"id: ")) for chunk in received[1:-1]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert b'"buffer_full_lagged"' in received[-1]


def test_nothing_happens_and_the_client_hears_that_it_is_not_forgotten(monkeypatch):
    monkeypatch.setattr(event_stream, "KEEPALIVE_SECONDS", 0.001)

    async def quiet() -> bytes:
        never = asyncio.Event()

        async def silence():
            await never.wait()
            yield Item(msgspec.Raw(b"1"))

        stream = EventStream(silence())
        chunks = stream.chunks()
        await anext(chunks)
        comment = await anext(chunks)
        stream.end("server_stopped")
        stream.end("twice")
        return comment + b"".join([chunk async for chunk in chunks])

    text = asyncio.run(quiet()).decode()
    assert text.startswith(":\n\n")
    assert text.endswith('event: closed\ndata: {"reason":"server_stopped"}\n\n')


@pytest.mark.parametrize("taken", [0, 1])
def test_stream_that_nobody_reads_to_its_end_leaves_nothing_running(taken):
    async def abandon() -> int:
        chunks = EventStream(items(5)).chunks()
        for _ in range(taken):
            await anext(chunks)
        await chunks.aclose()
        return len(asyncio.all_tasks())

    assert asyncio.run(abandon()) == 1
