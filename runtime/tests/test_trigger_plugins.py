"""Which trigger plugin is asked to watch; the plugins are stand-ins for processes."""

import asyncio
import json
from typing import NamedTuple

import pytest

from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_runtime.trigger_plugins import trigger_plugin


class Called(NamedTuple):
    name: str

    def answers_to(self, name):
        return name == self.name


class Stand:
    """Answers `trigger/schema`, or fails as it is told."""

    def __init__(self, name, answer):
        self.candidate, self._answer = Called(name), answer

    async def connection(self):
        return self

    async def call_raw(self, _method, _params=None, *, timeout_seconds=None):
        if isinstance(self._answer, Exception):
            raise self._answer
        return json.dumps(self._answer).encode()


FILES = Stand("files", {"kinds": ["file_watcher"], "supports_ack": True})
MAIL = Stand("mail", {"kinds": ["email"]})
MUTE = Stand("mute", RefusedError("there is no such method", code=ErrorCode.METHOD_NOT_SUPPORTED))
BROKEN = Stand("broken", RefusedError("it does not start", code=ErrorCode.INTERNAL_ERROR))
ODD = Stand("odd", ["no schema"])


def found(plugins, type_name, name=None):
    return asyncio.run(trigger_plugin(plugins, type_name, name)).candidate.name


def test_type_is_served_by_who_says_so_whatever_is_wrong_with_others():
    assert found([BROKEN, ODD, MUTE, MAIL, FILES], "file_watcher") == "files"


@pytest.mark.parametrize("other", [MAIL, MUTE, ODD])
def test_plugin_that_a_file_does_not_name_is_the_one_with_types_of_its_own(other):
    assert found([FILES, BROKEN, other], "plugin") == other.candidate.name


def test_named_plugin_is_taken_without_asking_any():
    assert found([BROKEN, MAIL, MUTE], "plugin", "mute") == "mute"


@pytest.mark.parametrize(
    ("plugins", "type_name", "name", "message"),
    [
        ([MAIL, MUTE], "plugin", None, "for 'plugin'; trigger plugins here: mail, mute; name one of them: config: {"),
        ([FILES], "plugin", None, "for 'plugin'; trigger plugins here: files$"),
        ([BROKEN], "webhook", None, "for 'webhook'; trigger plugins here: broken .it does not start.$"),
        ([FILES], "plugin", "mial", "for 'mial'; trigger plugins here: files$"),
        ([], "webhook", None, "trigger plugins here: none$"),
    ],
)
def test_what_there_is_instead_is_said(plugins, type_name, name, message):
    with pytest.raises(RefusedError, match=message):
        found(plugins, type_name, name)
