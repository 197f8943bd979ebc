"""The future of one waiter: the reader wakes it in place, everybody else in the next turn of the loop."""

import asyncio
import contextvars

import msgspec
import pytest

from animus_plugin_protocol.codec import decode_line
from animus_plugin_runtime.answer import Answer
from animus_plugin_runtime.outgoing import OutgoingCalls

VALUE = msgspec.Raw(b"1")
mark = contextvars.ContextVar("mark", default="outside")


@pytest.fixture
def play():
    """Run a scene with an answer and the task that waits for it; what happened, in order."""

    def run(scene):
        happened = []

        async def main():
            loop = asyncio.get_running_loop()
            answer = Answer(loop)

            async def wait():
                mark.set("waiter")
                try:
                    happened.append(bytes(await answer))
                except BaseException as error:
                    happened.append(type(error).__name__)
                    raise
                finally:
                    happened.append(mark.get())

            waiter = asyncio.create_task(wait())
            await asyncio.sleep(0)
            outside = loop.create_future()  # a callback of the loop, where the reader runs
            loop.call_soon(lambda: outside.set_result(scene(answer, waiter, happened)))
            await outside
            await asyncio.wait({waiter})
            return waiter

        waiter = asyncio.run(main())
        return happened, None if waiter.cancelled() else waiter.exception()

    return run


def test_the_reader_runs_the_waiter_in_place_and_in_the_waiters_context(play):
    def scene(answer, _waiter, happened):
        answer.settle_in_place(VALUE)
        happened.append(mark.get())

    assert play(scene) == ([b"1", "waiter", "outside"], None)


def test_everybody_else_lets_it_run_later(play):
    def scene(answer, _waiter, happened):
        answer.settle(VALUE)
        happened.append("said")

    assert play(scene) == (["said", b"1", "waiter"], None)


def test_a_fault_is_raised_in_the_waiter(play):
    fault = LookupError("x")
    assert play(lambda answer, _waiter, _happened: answer.settle_in_place(fault)) == (["LookupError", "waiter"], fault)


def test_the_first_outcome_stays(play):
    def scene(answer, _waiter, _happened):
        answer.settle(VALUE)
        answer.settle_in_place(msgspec.Raw(b"2"))
        answer.expire(TimeoutError())

    assert play(scene) == ([b"1", "waiter"], None)


def test_a_cancelled_waiter_ends_and_the_answer_can_still_be_waited_for(play):
    def scene(answer, waiter, happened):
        assert waiter.cancel()
        assert not answer.is_settled
        answer.settle_in_place(VALUE)
        happened.append(answer.is_settled)

    assert play(scene) == ([True, "CancelledError", "waiter"], None)


def test_an_answer_that_came_first_does_not_undo_a_cancellation(play):
    def scene(answer, waiter, _happened):
        answer.settle(VALUE)
        assert waiter.cancel()

    assert play(scene) == (["CancelledError", "waiter"], None)


def test_an_answer_that_is_there_is_not_waited_for():
    async def main():
        answer = Answer(asyncio.get_running_loop())
        answer.settle(VALUE)
        return bytes(await answer)

    assert asyncio.run(main()) == b"1"


def test_nothing_is_there_before_it_is_there():
    async def main():
        return Answer(asyncio.get_running_loop()).result()

    with pytest.raises(asyncio.InvalidStateError, match="no answer yet"):
        asyncio.run(main())


@pytest.mark.parametrize("is_settled", [True, False])
def test_what_was_cancelled_is_waited_for_once_more_within_bounds(is_settled):
    async def main():
        loop = asyncio.get_running_loop()
        answer = Answer(loop)
        answer.cancel()
        if is_settled:
            loop.call_soon(answer.settle_in_place, VALUE)
        await answer.wait_settled(30 if is_settled else 0.001)
        return answer.is_settled

    assert asyncio.run(main()) is is_settled


@pytest.mark.parametrize("reply_id", [b'"1"', b"1.0", b"true", b"[1]", b"2"])
def test_an_answer_under_another_id_answers_nothing(reply_id):
    async def main():
        calls = OutgoingCalls()
        call = calls.begin(None)
        frame = decode_line(b'{"jsonrpc":"2.0","id":%b,"result":{}}' % reply_id)
        return calls.settle(frame), call.is_settled

    assert asyncio.run(main()) == (False, False)
