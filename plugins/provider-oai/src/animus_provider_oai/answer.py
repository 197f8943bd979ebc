"""One answer of the model, put together from the pieces of its stream, whatever the server's habits."""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

from animus_provider_oai.limits import CALLS_PER_TURN

__all__ = ["Answer", "AnswerParts", "ToolCall", "Usage"]

_REASONING_KEYS: Final = ("reasoning_content", "reasoning")
"""vLLM and DeepSeek say the first, Ollama and OpenRouter the second."""


class ToolCall(NamedTuple):
    """A tool call. `arguments` is the model's text, hopefully JSON."""

    call_id: str
    name: str
    arguments: str


class Usage(NamedTuple):
    """Tokens. `fresh` are the input tokens that no cache had."""

    fresh: int = 0
    cached: int = 0
    output: int = 0


class Answer(NamedTuple):
    """An answer. `finish_reason` is None when the stream broke off before one came."""

    text: str
    thinking: str
    calls: tuple[ToolCall, ...]
    finish_reason: str | None
    usage: Usage | None
    model: str | None

    @property
    def message(self) -> dict[str, Any]:
        """The answer as a message of the conversation."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.calls:
            message["tool_calls"] = [
                {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.calls
            ]
        elif not self.text:
            message["content"] = ""  # some servers refuse a message without anything
        return message


class _OpenCall:
    def __init__(self) -> None:
        self.call_id = ""
        self.name = ""
        self.arguments: list[str] = []


class AnswerParts:
    """Collects the chunks of a stream, or a whole completion. Odd shapes are skipped, never an error."""

    def __init__(self) -> None:
        """Start empty."""
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._calls: dict[int, _OpenCall] = {}
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._model: str | None = None

    def add(self, chunk: dict[str, Any]) -> tuple[str, str]:
        """Take a chunk; answers the text and the reasoning that it adds."""
        if isinstance(chunk.get("model"), str):
            self._model = chunk["model"] or self._model
        self._usage = _usage(chunk.get("usage")) or self._usage
        choice = _first(chunk.get("choices"))
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        delta = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
        text = delta.get("content")
        thinking = next((delta[key] for key in _REASONING_KEYS if isinstance(delta.get(key), str)), "")
        for position, call in enumerate(_items(delta.get("tool_calls"))):
            self._add_call(call, position)
        added = text if isinstance(text, str) else ""
        self._text.append(added)
        self._thinking.append(thinking)
        return added, thinking

    def _add_call(self, piece: dict[str, Any], position: int) -> None:
        given = piece.get("index")
        call_id, function = piece.get("id"), _mapping(piece.get("function"))
        index = given if isinstance(given, int) else position
        call = self._calls.get(index)
        if call is not None and call.call_id and isinstance(call_id, str) and call_id not in ("", call.call_id):
            # Some servers give every call index 0 and tell them apart by id alone.
            index, call = len(self._calls), None
        elif call is not None and not isinstance(given, int) and function.get("name"):
            index, call = len(self._calls), None
        if call is None:
            call = self._calls[index] = _OpenCall()
        call.call_id = call_id if isinstance(call_id, str) and call_id else call.call_id
        if isinstance(function.get("name"), str) and not call.name:
            call.name = function["name"]
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        call.arguments.append(arguments if isinstance(arguments, str) else "")

    def answer(self) -> Answer:
        """What there is. A call that the server gave no id has an empty one."""
        calls = tuple(
            ToolCall(call.call_id, call.name, "".join(call.arguments) or "{}")
            for _, call in sorted(self._calls.items())[:CALLS_PER_TURN]
        )
        text, thinking = "".join(self._text), "".join(self._thinking)
        return Answer(text, thinking, calls, self._finish_reason, self._usage, self._model)

    def end(self) -> None:
        """The server said that the stream is whole: servers that name no reason then mean ``stop``."""
        self._finish_reason = self._finish_reason or "stop"


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    return [_mapping(item) for item in cast("Iterable[Any]", value)] if isinstance(value, list) else []


def _first(value: Any) -> dict[str, Any]:
    return _mapping(next(iter(_items(value)), None))


def _usage(value: Any) -> Usage | None:
    usage = _mapping(value)
    if not usage:
        return None
    read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    cached = min(read, _count(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")))
    return Usage(read - cached, cached, written)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
