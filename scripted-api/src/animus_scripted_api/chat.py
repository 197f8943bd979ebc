"""OpenAI's ``POST /v1/chat/completions``."""

import json
from collections.abc import Iterator
from typing import Any, Final

from animus_scripted_api.events import pieces, sent_event
from animus_scripted_api.request import Request
from animus_scripted_api.step import CallTool, Reply, Say, Step, StreamFail, Think
from animus_scripted_api.tool_name import call_in_words_of

__all__ = ["ChatEnvelope"]

_CREATED: Final = 1_700_000_000


class ChatEnvelope:
    """A completion with one choice."""

    def __init__(self, request: Request, reply: Reply) -> None:
        """Write `reply` as an answer to `request`."""
        self._request = request
        self._reply = reply
        self._calls = 0

    def begin(self) -> Iterator[bytes]:
        """The role."""
        yield self._chunk({"role": "assistant", "content": ""})

    def content(self, step: Step) -> Iterator[bytes]:
        """Pieces of text, of reasoning (``reasoning_content``, as vLLM and others send it) or of a tool call."""
        if isinstance(step, Say):
            yield from (self._chunk({"content": piece}) for piece in pieces(step.text))
        elif isinstance(step, Think):
            yield from (self._chunk({"reasoning_content": piece}) for piece in pieces(step.text))
        elif isinstance(step, CallTool):
            index, self._calls = self._calls, self._calls + 1
            call = self._call(step, index)
            arguments: str = call["function"]["arguments"]
            named = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
            yield self._chunk({"tool_calls": [named]})
            for piece in pieces(arguments):
                yield self._chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        elif isinstance(step, StreamFail):
            yield sent_event({"error": {"message": step.message, "type": step.code, "code": step.code}})

    def end(self) -> Iterator[bytes]:
        """Why it stopped; the usage where it was asked for."""
        yield self._chunk({}, finish_reason=self._finish_reason())
        options: Any = self._request.json.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):  # pyright: ignore[reportUnknownMemberType] - JSON
            yield sent_event({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    def document(self) -> dict[str, Any]:
        """The whole completion."""
        steps = self._reply.content
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(step.text for step in steps if isinstance(step, Say)) or None,
        }
        thoughts = "".join(step.text for step in steps if isinstance(step, Think))
        calls = [self._call(step, index) for index, step in enumerate(s for s in steps if isinstance(s, CallTool))]
        message |= {"reasoning_content": thoughts} if thoughts else {}
        message |= {"tool_calls": calls} if calls else {}
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason()}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def _head(self, kind: str) -> dict[str, Any]:
        number = self._request.number
        return {"id": f"chatcmpl-{number:08d}", "object": kind, "created": _CREATED, "model": self._request.model}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return sent_event({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _call(self, step: CallTool, index: int) -> dict[str, Any]:
        call = call_in_words_of(self._request, step)
        return {
            "id": f"call_{self._request.number:08d}_{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }

    def _finish_reason(self) -> str:
        return "tool_calls" if self._reply.calls_tools else "stop"

    def _usage(self) -> dict[str, Any]:
        usage = self._reply.usage
        return {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
        }
