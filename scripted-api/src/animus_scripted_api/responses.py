"""OpenAI's ``POST /v1/responses``, as far as codex and other streaming clients read it."""

import json
from collections.abc import Iterator
from typing import Any, Final

from animus_scripted_api.events import pieces, sent_event
from animus_scripted_api.request import Request
from animus_scripted_api.step import CallTool, Reply, Say, Step, StreamFail, Think
from animus_scripted_api.tool_name import call_in_words_of

__all__ = ["ResponsesEnvelope"]

_CREATED: Final = 1_700_000_000


class ResponsesEnvelope:
    """A response: output items one after the other."""

    def __init__(self, request: Request, reply: Reply) -> None:
        """Write `reply` as an answer to `request`."""
        self._request = request
        self._reply = reply
        self._items: list[dict[str, Any]] = []
        self._events = 0

    def begin(self) -> Iterator[bytes]:
        """The response without output."""
        yield self._event("response.created", response=self._response("in_progress", []))

    def content(self, step: Step) -> Iterator[bytes]:
        """One output item."""
        if isinstance(step, StreamFail):
            error = {"code": step.code, "message": step.message}
            yield self._event("response.failed", response={**self._response("failed", []), "error": error})
            return
        index = len(self._items)
        item = self._item(step, index)
        self._items.append(item)
        place = {"item_id": item["id"], "output_index": index}
        yield self._event("response.output_item.added", output_index=index, item=_emptied(item))
        if item["type"] == "message":
            yield from self._text_events(place, item["content"][0]["text"])
        elif item["type"] == "reasoning":
            yield from self._thought_events(place, item["summary"][0]["text"])
        elif item["type"] == "function_call":
            for piece in pieces(item["arguments"]):
                yield self._event("response.function_call_arguments.delta", **place, delta=piece)
            yield self._event("response.function_call_arguments.done", **place, arguments=item["arguments"])
        yield self._event("response.output_item.done", output_index=index, item=item)

    def end(self) -> Iterator[bytes]:
        """The whole response with its usage."""
        yield self._event("response.completed", response=self._response("completed", self._items))

    def document(self) -> dict[str, Any]:
        """The whole response."""
        items = [self._item(step, index) for index, step in enumerate(self._reply.content)]
        return self._response("completed", items)

    def _event(self, kind: str, **more: Any) -> bytes:
        self._events += 1
        return sent_event({"type": kind, "sequence_number": self._events - 1, **more}, kind)

    def _text_events(self, place: dict[str, Any], text: str) -> Iterator[bytes]:
        place = {**place, "content_index": 0}
        empty: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
        yield self._event("response.content_part.added", **place, part=empty)
        for piece in pieces(text):
            yield self._event("response.output_text.delta", **place, delta=piece)
        yield self._event("response.output_text.done", **place, text=text)
        yield self._event("response.content_part.done", **place, part={**empty, "text": text})

    def _thought_events(self, place: dict[str, Any], text: str) -> Iterator[bytes]:
        place = {**place, "summary_index": 0}
        yield self._event("response.reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""})
        for piece in pieces(text):
            yield self._event("response.reasoning_summary_text.delta", **place, delta=piece)
        yield self._event("response.reasoning_summary_text.done", **place, text=text)

    def _response(self, status: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"resp_{self._request.number:08d}",
            "object": "response",
            "created_at": _CREATED,
            "status": status,
            "model": self._request.model,
            "output": items,
            "error": None,
            "usage": self._usage() if status == "completed" else None,
        }

    def _usage(self) -> dict[str, Any]:
        usage = self._reply.usage
        return {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cached},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input + usage.output,
        }

    def _item(self, step: Step, index: int) -> dict[str, Any]:
        place = f"{self._request.number:08d}_{index}"
        if isinstance(step, Say):
            part: dict[str, Any] = {"type": "output_text", "text": step.text, "annotations": []}
            head = {"type": "message", "id": f"msg_{place}", "role": "assistant", "status": "completed"}
            return {**head, "content": [part]}
        if isinstance(step, Think):
            summary = [{"type": "summary_text", "text": step.text}]
            return {"type": "reasoning", "id": f"rs_{place}", "summary": summary, "encrypted_content": None}
        if isinstance(step, CallTool):
            call = call_in_words_of(self._request, step)
            head = {"id": f"fc_{place}", "call_id": f"call_{place}", "name": call.name, "status": "completed"}
            if call.is_custom:
                return {"type": "custom_tool_call", **head, "input": str(call.arguments.get("input", ""))}
            head |= {"namespace": call.namespace} if call.namespace else {}
            return {"type": "function_call", **head, "arguments": json.dumps(call.arguments)}
        raise AssertionError(f"{step!r} is no content")


def _emptied(item: dict[str, Any]) -> dict[str, Any]:
    emptied: dict[str, dict[str, Any]] = {
        "message": {"content": []},
        "reasoning": {"summary": []},
        "function_call": {"arguments": ""},
    }
    return {**item, "status": "in_progress", **emptied.get(item["type"], {"input": ""})}
