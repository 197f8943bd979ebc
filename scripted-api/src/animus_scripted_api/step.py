"""What a scripted model does in one answer, step by step."""

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = [
    "CONTENT_STEPS",
    "CallTool",
    "Drop",
    "Fail",
    "Junk",
    "Reply",
    "Say",
    "Stall",
    "Step",
    "StreamFail",
    "Think",
    "Truncate",
    "Usage",
]


@dataclass(frozen=True)
class Say:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class Think:
    """A piece of reasoning, in the form the dialect has for it."""

    text: str


@dataclass(frozen=True)
class CallTool:
    """A tool call.

    ``shell`` {command}, ``write`` {path, content}, ``read`` {path} and ``edit`` {path, old, new} are neutral names:
    they become whatever the client's tools list offers for them. Any other name travels as it is.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    server: str | None = None
    """An MCP server: the tool is called by the name that the client gives to this server's tool."""


@dataclass(frozen=True)
class Fail:
    """An HTTP error instead of an answer."""

    status: int
    body: dict[str, Any] | str | None = None
    """None writes the error object that the dialect's real servers send."""
    retry_after: float | None = None
    """Seconds, as the header ``retry-after``."""
    message: str | None = None


@dataclass(frozen=True)
class StreamFail:
    """An error in the middle of a stream that began well (of a JSON answer: an HTTP 500)."""

    code: str = "overloaded_error"
    message: str = "scripted failure in the stream"


@dataclass(frozen=True)
class Stall:
    """Silence. As the first step even the status line waits; later the open stream goes quiet."""

    seconds: float


@dataclass(frozen=True)
class Truncate:
    """The body ends after so many bytes: by a broken connection, or `clean`, as if it were whole."""

    after_bytes: int
    clean: bool = False


@dataclass(frozen=True)
class Junk:
    """Raw bytes in place of what was expected. Without any content beside it, it is the whole body."""

    data: str = "<<< this is not what you asked for >>>"
    status: int = 200
    content_type: str | None = None


@dataclass(frozen=True)
class Drop:
    """The connection is reset at this place; as the first step before anything was answered."""


Step = Say | Think | CallTool | Fail | StreamFail | Stall | Truncate | Junk | Drop

CONTENT_STEPS: Final = (Say, Think, CallTool, StreamFail)
"""What puts something into the dialect's envelope."""


@dataclass(frozen=True)
class Usage:
    """Tokens that the answer claims to have used."""

    input: int = 100
    output: int = 20
    cached: int = 0
    cache_writes: int = 0


@dataclass(frozen=True)
class Reply:
    """One answer to one request."""

    steps: tuple[Step, ...]
    usage: Usage = Usage()

    @property
    def content(self) -> tuple[Step, ...]:
        """The steps that put something into the envelope."""
        return tuple(step for step in self.steps if isinstance(step, CONTENT_STEPS))

    @property
    def calls_tools(self) -> bool:
        """Whether the model asks for a tool and so expects another request."""
        return any(isinstance(step, CallTool) for step in self.steps)
