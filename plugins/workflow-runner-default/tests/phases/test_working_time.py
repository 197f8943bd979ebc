"""A limit that stands still while a person is asked; time is moved by hand, so that only the count decides."""

import asyncio
import contextlib

import pytest

from animus_workflow_runner_default.phases.working_time import WorkingTime

HOUR = 3600.0


def test_time_of_a_person_is_not_counted(clock):
    async def run() -> list[float | None]:
        time = WorkingTime(10.0, clock)
        clock.advance(4)
        seen = [time.left()]
        with time.standing_still():
            clock.advance(HOUR)
            seen.append(time.left())
            with time.standing_still():
                clock.advance(HOUR)
            seen.append(time.left())
        clock.advance(5.5)
        return [*seen, time.left(), time.whole_left()]

    assert asyncio.run(run()) == [6.0, 6.0, 6.0, 0.5, 1]


def test_work_that_has_no_time_left_is_ended(clock):
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async def run() -> None:
        await WorkingTime(0.001, clock).bound(work())

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert ended == ["ended"]


def test_no_limit_is_set_while_a_person_is_asked(clock, monkeypatch):
    limits: list[float | None] = []

    @contextlib.asynccontextmanager
    async def recorded(seconds):
        limits.append(seconds)
        yield

    async def turns() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def run() -> str:
        time = WorkingTime(30.0, clock)

        async def work() -> str:
            clock.advance(4)
            await turns()
            with time.standing_still():
                await turns()
                clock.advance(HOUR)
            await turns()
            return "done"

        return await time.bound(work())

    monkeypatch.setattr(clock, "timeout", recorded)
    assert asyncio.run(run()) == "done"
    assert limits == [30.0, None, 26.0]


def test_limit_goes_on_once_the_person_has_answered(clock):
    async def run() -> None:
        time = WorkingTime(0.001, clock)

        async def work() -> None:
            with time.standing_still():
                await asyncio.sleep(0)
            await asyncio.Event().wait()

        await time.bound(work())

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_error_of_the_work_comes_out_and_a_cancel_goes_in(clock):
    async def run() -> list[str]:
        seen: list[str] = []

        async def failing() -> None:
            raise ValueError("no")

        async def hanging() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        with pytest.raises(ValueError, match="no"):
            await WorkingTime(None, clock).bound(failing())
        caller = asyncio.create_task(WorkingTime(None, clock).bound(hanging()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        return seen

    assert asyncio.run(run()) == ["cancelled"]
