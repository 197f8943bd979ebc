"""A scripted local model server for tests: Anthropic messages, OpenAI chat and responses.

Real clients talk real HTTP to it on the loopback interface; what the model "says" is a list of replies in order. It
knows nothing of Animus and imports the standard library only.
"""

from animus_scripted_api.loading import ScriptError, load_script, parse_script
from animus_scripted_api.request import Request
from animus_scripted_api.script import Conversation, Script, When
from animus_scripted_api.server import ScriptedApi
from animus_scripted_api.step import (
    CallTool,
    Drop,
    Fail,
    Junk,
    Reply,
    Say,
    Stall,
    StreamFail,
    Think,
    Truncate,
    Usage,
)

__all__ = [
    "CallTool",
    "Conversation",
    "Drop",
    "Fail",
    "Junk",
    "Reply",
    "Request",
    "Say",
    "Script",
    "ScriptError",
    "ScriptedApi",
    "Stall",
    "StreamFail",
    "Think",
    "Truncate",
    "Usage",
    "When",
    "load_script",
    "parse_script",
]
