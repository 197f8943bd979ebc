"""Our host, judged by the scripted plugin in the manner of each published implementation.

The ids are those of docs/protocol.md. The plugin itself looks for host:ids:integers and host:initialized:first in every
test here.
"""

import asyncio
import contextlib
import json
import os

import msgspec
import pytest

from animus_plugin_protocol import RetriableError, methods
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire.provider import AgentOutputNote, AgentRunParams

CALL_SECONDS = 60.0
MANNERS = ["rust", "rust-provider", "typescript"]


async def ask(connection, prompt, *, session_id="s-1", **more):
    params = AgentRunParams(prompt=prompt, session_id=session_id)
    return await connection.call(methods.AGENT_RUN, params, session_id=session_id, timeout_seconds=CALL_SECONDS, **more)


@contextlib.asynccontextmanager
async def opened(plugin):
    try:
        yield await plugin.connection()
    finally:
        await plugin.stop()


@pytest.mark.parametrize("manner", MANNERS)
def test_every_manner_is_spoken_to_without_a_finding(run, scripted, manner):  # host:ids:integers host:initialized:first
    async def main():
        async with opened(scripted(manner)) as connection:
            assert (await ask(connection, "echo hello")).output == "hello"
            assert await connection.call(methods.PING, None, timeout_seconds=CALL_SECONDS) in ({}, None, b"{}")
            assert (await connection.call(methods.HEALTH_CHECK, None, timeout_seconds=CALL_SECONDS)).status == "healthy"

    run(main())


@pytest.mark.parametrize("manner", MANNERS)
def test_answers_are_matched_in_any_order(run, scripted, manner):  # host:replies:any-order
    async def main():
        async with opened(scripted(manner)) as connection:
            held = asyncio.create_task(ask(connection, "hold first", session_id="s-1"))
            await asyncio.sleep(0)
            assert (await ask(connection, "release second", session_id="s-2")).output == "second"
            assert (await held).output == "first"

    run(main())


@pytest.mark.parametrize("script", ["garbage", "twice", "noisy"])
def test_misbehaviour_ends_no_other_call(run, scripted, script):
    # host:frames:malformed host:frames:duplicate host:stderr:drained
    async def main():
        async with opened(scripted()) as connection:
            answer = await ask(connection, f"{script} done")
            assert answer.output in {"done", "first"}
            assert (await ask(connection, "echo after")).output == "after"

    run(main())


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(("script", "expected"), [("notes", 50), ("split", 2)])
def test_notes_are_delivered_before_the_answer(run, scripted, script, expected, manner):
    # host:notes:before-answer host:frames:several
    async def main():
        told = []
        async with opened(scripted(manner)) as connection:
            await ask(connection, script, on_note=told.append)
        texts = [msg.text for msg in (decoded(note) for note in told)]
        assert "".join(texts).count(";") == expected

    run(main())


def decoded(note):
    return msgspec.json.decode(note.params, type=AgentOutputNote)


def test_death_of_a_plugin_ends_every_waiting_call(run, scripted):  # host:death:told
    async def main():
        async with opened(scripted()) as connection:
            held = asyncio.create_task(ask(connection, "hold x", session_id="s-1"))
            with pytest.raises(RetriableError):
                await ask(connection, "die", session_id="s-2")
            with pytest.raises(RetriableError):
                await held

    run(main())


def test_plugin_of_another_major_version_is_refused(run, scripted):  # host:version:refused
    async def main():
        plugin = scripted("rust", "--protocol-version", "2.0.0")
        with pytest.raises(RpcFault, match=r"2\.0\.0"):
            await plugin.connection()
        await plugin.stop()

    run(main())


@pytest.mark.parametrize("version", ["1.0.0", "1.2.0", "1.3.0"])
def test_plugin_of_another_minor_version_is_used(run, scripted, version):
    async def main():
        plugin = scripted("typescript", "--protocol-version", version)
        connection = await plugin.connection()
        assert connection.initialize_result.protocol_version == version
        await plugin.stop()

    run(main())


def test_stubborn_plugin_is_ended(run, scripted):  # host:shutdown:ladder
    async def main():
        plugin = scripted("rust", "--stubborn")
        await plugin.connection()
        pid = plugin.pid
        await plugin.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(main())


def test_plugin_sees_the_allow_list_only(run, scripted, monkeypatch):  # host:environment:cleared
    monkeypatch.setenv("CONFORMANCE_SECRET", "s3cret")

    async def main():
        async with opened(scripted()) as connection:
            return json.loads((await ask(connection, "environment")).output)

    environment = run(main())
    assert "CONFORMANCE_SECRET" not in environment
    assert "PATH" in environment


def test_request_nobody_knows_is_declined(run, scripted):  # host:unknown:declined
    async def main():
        async with opened(scripted()) as connection:
            return json.loads((await ask(connection, "ask")).output)

    assert run(main()) == -32601


@pytest.mark.parametrize("manner", ["rust", "typescript"])
def test_cancelled_call_is_cancelled_in_the_plugin(run, scripted, manner):
    async def main():
        async with opened(scripted(manner)) as connection:
            held = asyncio.create_task(ask(connection, "hold x"))
            await asyncio.sleep(0.1)
            held.cancel()
            with pytest.raises(asyncio.CancelledError):
                await held
            assert (await ask(connection, "echo after", session_id="s-2")).output == "after"

    run(main())
