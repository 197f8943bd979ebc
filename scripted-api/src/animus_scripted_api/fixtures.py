"""Pytest fixtures, found through the entry point of the package."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from animus_scripted_api.script import Conversation, Script, Turn
    from animus_scripted_api.server import ScriptedApi

__all__ = ["scripted_api"]


@pytest.fixture
def scripted_api() -> "Iterator[Callable[..., ScriptedApi]]":
    """A function that starts scripted servers, which are stopped with the test.

    It takes what `ScriptedApi` takes: ``api = scripted_api(CallTool("shell", {"command": "ls"}), Say("done"))``.
    ``api.problems`` names the requests that the script had no answer for.
    """
    from animus_scripted_api.server import ScriptedApi  # noqa: PLC0415 - every pytest run in the environment loads this

    started: list[ScriptedApi] = []

    def start(*script: "Script | Conversation | Turn") -> ScriptedApi:
        started.append(ScriptedApi(*script))
        return started[-1].start()

    yield start
    for api in started:
        api.stop()
