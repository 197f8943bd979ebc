import asyncio

import msgspec
import pytest

from animus_plugin_protocol import Context, Plugin
from animus_plugin_protocol.errors import RefusedError, RetriableError
from animus_plugin_protocol.wire.lifecycle import HostCallsOffer, InitExtensions
from animus_plugin_runtime import HostOffer, twin


@pytest.fixture
def plugin():
    made = Plugin("animus-twin", "1.0.0", kind="custom")
    made.capability("$host/call:queue")

    def echo(params: dict[str, int]) -> dict[str, int]:
        return params

    def ask(params: dict[str, int], context: Context) -> dict[str, str]:
        return msgspec.json.decode(context.call_host("queue", "queue/stats", params))

    def count(params: dict[str, int], context: Context) -> None:
        for number in range(params["n"]):
            context.progress(number)

    made.register_method("test/echo", echo)
    made.register_method("test/ask", ask)
    made.register_method("test/count", count)
    return made


def test_twin_speaks_as_a_process_does(run, plugin):
    async def main():
        async with twin(plugin) as connection:
            assert connection.initialize_result.plugin_info.name == "animus-twin"
            calls = [connection.call("test/echo", {"n": n}, timeout_seconds=60) for n in range(50)]
            assert await asyncio.gather(*calls) == [{"n": n} for n in range(50)]
            notes = []
            await connection.call_raw("test/count", {"n": 5}, on_note=notes.append, timeout_seconds=60)
            assert [msgspec.json.decode(note.params)["value"] for note in notes] == list(range(5))
            with pytest.raises(RefusedError):
                await connection.call_raw("test/echo", {"n": "x"}, timeout_seconds=60)
        assert not connection.is_open
        with pytest.raises(RetriableError, match="has ended"):
            await connection.call_raw("test/echo", {"n": 1})

    run(main())


def test_twin_asks_the_host(run, plugin):
    async def serve(connection, request):
        params = msgspec.json.decode(request.params)
        return {"kind": params["kind"], "method": params["method"]}

    async def main():
        offer = HostOffer(extensions=InitExtensions(host_calls=HostCallsOffer(version=1)))
        async with twin(plugin, offer, on_request=serve) as connection:
            return await connection.call("test/ask", {}, timeout_seconds=60)

    assert run(main()) == {"kind": "queue", "method": "queue/stats"}
