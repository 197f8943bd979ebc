"""Definitions that many runs ask for at once."""

import asyncio

from animus_workflow_runner_default.authoring.model import CompiledConfig
from animus_workflow_runner_default.journal.pinning import Pins


def test_a_crowd_needs_two_looks_at_the_files():
    looks: list[int] = []
    config = CompiledConfig()

    def load() -> CompiledConfig:
        looks.append(1)
        return config

    async def run() -> set[str]:
        pins = Pins(load)
        return {pin.hash for pin in await asyncio.gather(*(pins.current() for _ in range(20)))}

    assert len(asyncio.run(run())) == 1
    assert len(looks) == 2


def test_who_asks_after_a_change_gets_what_was_changed():
    versions = [CompiledConfig(), CompiledConfig(default_workflow_ref="new")]

    async def run() -> list[str | None]:
        pins = Pins(lambda: versions.pop(0) if len(versions) > 1 else versions[0])
        return [(await pins.current()).config.default_workflow_ref for _ in range(2)]

    assert asyncio.run(run()) == [None, "new"]


def test_look_that_failed_serves_nobody():
    answers = [OSError("gone"), CompiledConfig()]

    def load() -> CompiledConfig:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def run() -> list[object]:
        pins = Pins(load)
        return await asyncio.gather(*(pins.current() for _ in range(2)), return_exceptions=True)

    first, second = asyncio.run(run())
    assert isinstance(first, OSError)
    assert second.config == CompiledConfig()
