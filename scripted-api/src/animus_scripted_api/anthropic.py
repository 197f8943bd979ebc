"""Anthropic's ``POST /v1/messages``."""

import json
from collections.abc import Iterator
from typing import Any

from animus_scripted_api.events import pieces, sent_event
from animus_scripted_api.request import Request
from animus_scripted_api.step import CallTool, Reply, Say, Step, StreamFail, Think
from animus_scripted_api.tool_name import call_in_words_of

__all__ = ["AnthropicEnvelope"]


class AnthropicEnvelope:
    """A message: content blocks one after the other."""

    def __init__(self, request: Request, reply: Reply) -> None:
        """Write `reply` as an answer to `request`."""
        self._request = request
        self._reply = reply
        self._blocks = 0

    def begin(self) -> Iterator[bytes]:
        """The message without content, with what it cost to read."""
        message: dict[str, Any] = {**self._message(), "content": [], "stop_reason": None, "stop_sequence": None}
        message["usage"] = {**self._usage(), "output_tokens": 1}
        yield sent_event({"type": "message_start", "message": message}, "message_start")

    def content(self, step: Step) -> Iterator[bytes]:
        """One content block."""
        if isinstance(step, StreamFail):
            error = {"type": step.code, "message": step.message}
            yield sent_event({"type": "error", "error": error}, "error")
            return
        index, self._blocks = self._blocks, self._blocks + 1
        block = self._block(step, index)
        yield _block_event("start", index, content_block=_emptied(block))
        for delta in _deltas(block):
            yield _block_event("delta", index, delta=delta)
        yield _block_event("stop", index)

    def end(self) -> Iterator[bytes]:
        """Why it stopped and what it cost to write."""
        delta = {"stop_reason": self._stop_reason(), "stop_sequence": None}
        yield sent_event({"type": "message_delta", "delta": delta, "usage": self._usage()}, "message_delta")
        yield sent_event({"type": "message_stop"}, "message_stop")

    def document(self) -> dict[str, Any]:
        """The whole message."""
        blocks = [self._block(step, index) for index, step in enumerate(self._reply.content)]
        return {
            **self._message(),
            "content": blocks,
            "stop_reason": self._stop_reason(),
            "stop_sequence": None,
            "usage": self._usage(),
        }

    def _message(self) -> dict[str, Any]:
        number = self._request.number
        return {"id": f"msg_{number:08d}", "type": "message", "role": "assistant", "model": self._request.model}

    def _stop_reason(self) -> str:
        return "tool_use" if self._reply.calls_tools else "end_turn"

    def _usage(self) -> dict[str, int]:
        usage = self._reply.usage
        return {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_input_tokens": usage.cached,
            "cache_creation_input_tokens": usage.cache_writes,
        }

    def _block(self, step: Step, index: int) -> dict[str, Any]:
        if isinstance(step, Say):
            return {"type": "text", "text": step.text}
        if isinstance(step, Think):
            return {"type": "thinking", "thinking": step.text, "signature": "c2NyaXB0ZWQ="}
        if isinstance(step, CallTool):
            call = call_in_words_of(self._request, step)
            call_id = f"toolu_{self._request.number:08d}_{index}"
            return {"type": "tool_use", "id": call_id, "name": call.name, "input": call.arguments}
        raise AssertionError(f"{step!r} is no content")


def _block_event(what: str, index: int, **more: Any) -> bytes:
    kind = f"content_block_{what}"
    return sent_event({"type": kind, "index": index, **more}, kind)


def _emptied(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "tool_use":
        return {**block, "input": {}}
    return {key: value if key == "type" else "" for key, value in block.items()}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in pieces(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        text = json.dumps(block["input"])
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces(text))
