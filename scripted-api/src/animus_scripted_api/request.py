"""One request as it arrived: what scripts choose by and what tests assert on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

__all__ = ["ANTHROPIC", "CHAT", "DIALECTS", "OTHER", "RESPONSES", "Request", "dialect_of"]

ANTHROPIC: Final = "anthropic"
CHAT: Final = "chat"
RESPONSES: Final = "responses"
OTHER: Final = "other"
DIALECTS: Final = (ANTHROPIC, CHAT, RESPONSES, OTHER)

_DIALECTS: Final = {"/messages": ANTHROPIC, "/chat/completions": CHAT, "/responses": RESPONSES}
_SESSION_HEADERS: Final = ("x-claude-code-session-id", "session_id", "session-id", "x-session-id")


def dialect_of(path: str) -> str:
    """The dialect spoken at `path` (with or without ``/v1`` and a query), or `OTHER`."""
    return _DIALECTS.get(path.partition("?")[0].removeprefix("/v1"), OTHER)


@dataclass(frozen=True)
class Request:
    """A request to the scripted server.

    Attributes:
        number: counts from 1 in the order of arrival.
        headers: names in lower case.
        body: as it came.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def dialect(self) -> str:
        """``anthropic``, ``chat``, ``responses`` or ``other``."""
        return dialect_of(self.path)

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body; empty where it is no JSON object."""
        try:
            loaded: Any = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}

    @property
    def api_key(self) -> str | None:
        """The key that was shown: ``x-api-key``, else the bearer token."""
        bearer = self.headers.get("authorization", "")
        shown = bearer[len("bearer ") :] if bearer.lower().startswith("bearer ") else None
        return self.headers.get("x-api-key", shown)

    @property
    def model(self) -> str:
        """The model that was asked for; empty when none was named."""
        return str(self.json.get("model", ""))

    @property
    def is_stream(self) -> bool:
        """Whether the client wants server-sent events."""
        return bool(self.json.get("stream"))

    @property
    def tools(self) -> dict[str, dict[str, Any]]:
        """The tools on offer by name; an MCP namespace's tools are listed by their own names too."""
        return _tools_in(self.json.get("tools"))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far, in the dialect's own shape."""
        given: Any = self.json.get("input") if self.dialect == RESPONSES else self.json.get("messages")
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        return [cast("dict[str, Any]", message) for message in _items(given) if isinstance(message, dict)]

    @cached_property
    def text(self) -> str:
        """All text of the conversation: system prompt, messages and tool results, in order."""
        system: Any = self.json.get("system", self.json.get("instructions"))
        return "\n".join([*_texts(system), *(text for message in self.messages for text in _texts(message))])

    @property
    def last_text(self) -> str:
        """The text of the last message: the prompt, or the result of the last tool calls."""
        return "\n".join(_texts(self.messages[-1])) if self.messages else ""

    @cached_property
    def conversation(self) -> str:
        """What is the same for all requests of one conversation and differs between two.

        The session that the client names in a header or in its body, else a hash of all before the first answer.
        """
        for name in _SESSION_HEADERS:
            if self.headers.get(name):
                return self.headers[name]
        named: Any = self.json.get("prompt_cache_key") or _user_id(self.json.get("metadata"))
        if named:
            return str(named)
        first: list[Any] = [self.model]
        for message in self.messages:
            if message.get("role") not in ("system", "developer", "user"):
                break
            first.append(message)
        return hashlib.sha256(json.dumps(first, sort_keys=True).encode()).hexdigest()[:16]


def _items(value: Any) -> list[Any]:
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else []


def _user_id(metadata: Any) -> Any:
    return cast("dict[str, Any]", metadata).get("user_id") if isinstance(metadata, dict) else None


def _tools_in(given: Any) -> dict[str, dict[str, Any]]:
    tools: dict[str, dict[str, Any]] = {}
    for item in _items(given):
        if not isinstance(item, dict):
            continue
        tool = cast("dict[str, Any]", item)
        if isinstance(tool.get("function"), dict):
            tool = cast("dict[str, Any]", tool["function"])
        name = str(tool.get("name") or tool.get("type") or "")
        tools[name] = tool
        if tool.get("type") == "namespace":
            tools |= {inner: {**found, "namespace": name} for inner, found in _tools_in(tool.get("tools")).items()}
    return tools


def _texts(value: Any) -> list[str]:
    """Every string under the keys that hold text, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in _items(value) for text in _texts(item)]
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return [text for key in ("text", "content", "output", "thinking") for text in _texts(found.get(key))]
    return []
