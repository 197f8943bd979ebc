"""Asking the model: one request, its stream, its failures, and another try where that helps."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, cast

from animus_agent_cli.failure import classify
from animus_provider_oai.answer import Answer, AnswerParts
from animus_provider_oai.connection import Broken, Connections, Head, HttpCall, Item, Whole
from animus_provider_oai.ending import RunControl, RunFailedError
from animus_provider_oai.endpoint import Endpoint
from animus_provider_oai.event_stream import EventStream
from animus_provider_oai.limits import REPEATS, RETRY_WAIT_SECONDS, Limits

__all__ = ["Listener", "Model"]

_SHOW_SECONDS: Final = 0.05
"""How long text may be held back when nothing follows it."""
_QUIET_SECONDS: Final = 5.0
_PASSING_STATUSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_OK: Final = 200
_BAD_REQUEST: Final = (400, 422)
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_ERROR_LIMIT_BYTES: Final = 64 * 1024
_SHOWN_CHARACTERS: Final = 2000
_OPTIONAL: Final = {"response_format": ("response_format", "json_schema"), "stream_options": ("stream_options",)}
"""Parts of a request that a server may not know, and by which words it says so."""
_BROKEN_WORDS: Final = {
    "stalled": "was silent for {stall:g} s",
    "broken": "broke off its answer",
    "too_long": "sent an answer that is too long",
}


class Listener(Protocol):
    """Hears what the model says while it says it."""

    def text(self, piece: str) -> None:
        """A piece of the answer."""
        ...

    def thinking(self, piece: str) -> None:
        """A piece of reasoning."""
        ...

    def problem(self, message: str) -> None:
        """Something went wrong, and the run goes on."""
        ...

    def idle(self) -> None:
        """Nothing came for a moment: what was held back may be shown."""
        ...


class _PassingError(Exception):
    """The same request may succeed in a moment."""

    def __init__(self, failed: RunFailedError) -> None:
        super().__init__(failed.message)
        self.failed = failed


class _UnknownPartError(Exception):
    """The server does not know a part of the request."""


class Model:
    """A model behind an endpoint, for one run."""

    def __init__(
        self,
        endpoint: Endpoint,
        connections: Connections,
        control: RunControl,
        listener: Listener,
        *,
        session: str,
        limits: Limits,
        reasoning_effort: str | None = None,
    ) -> None:
        """Prepare; nothing is asked yet. `session` is told to the server with each request."""
        self._endpoint = endpoint
        self._connections = connections
        self._control = control
        self._listener = listener
        self._limits = limits
        self._reasoning_effort = reasoning_effort
        self._headers = {"content-type": "application/json", "accept": "text/event-stream", "x-session-id": session}
        if endpoint.key:
            self._headers["authorization"] = f"Bearer {endpoint.key}"
        self._unknown: set[str] = set()

    def ask(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]],
        response_format: dict[str, Any] | None = None,
    ) -> Answer:
        """The model's answer to `messages`.

        Raises:
            RunFailedError: there is none to be had.
            RunEndedError: the run ended meanwhile.
        """
        failures = 0
        while True:
            try:
                return self._ask_once(messages, tools, response_format)
            except _UnknownPartError:
                continue
            except _PassingError as passing:
                failures += 1
                later = passing.failed.retry_after_seconds
                delay = self._limits.repeat_seconds * 2 ** (failures - 1) if later is None else later
                if failures > REPEATS or delay > RETRY_WAIT_SECONDS:
                    raise passing.failed from None
                self._listener.problem(f"{passing.failed.message}; asking again in {delay:g} s")
                self._control.pause(delay)

    def _ask_once(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]],
        response_format: dict[str, Any] | None,
    ) -> Answer:
        self._control.check()
        request: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        request |= {"tools": tools} if tools else {}
        request |= {"response_format": response_format} if response_format else {}
        request |= {"reasoning_effort": self._reasoning_effort} if self._reasoning_effort else {}
        body = json.dumps({key: value for key, value in request.items() if key not in self._unknown}).encode()
        call = self._connections.post(f"{self._endpoint.base_url}/chat/completions", self._headers, body)
        try:
            with self._control.waking(call.wake):
                return self._receive(call, sent=request.keys() - self._unknown)
        finally:
            call.abandon()

    def _receive(self, call: HttpCall, *, sent: set[str]) -> Answer:
        items = self._items(call)
        head = next(items)
        if not isinstance(head, Head):
            raise self._passing("answered without a beginning")
        if head.status != _OK:
            raise self._refusal(head, b"".join(_pieces(items))[:_ERROR_LIMIT_BYTES], sent)
        if "event-stream" in head.headers.get("content-type", ""):
            answer = self._streamed(items)
        else:
            answer = self._whole(b"".join(_pieces(items)))
        if answer.finish_reason is None:
            raise self._passing("ended its stream in the middle of the answer")
        return answer

    def _items(self, call: HttpCall) -> Iterator[Item]:
        """What arrives, until it is whole."""
        wait = _QUIET_SECONDS
        while True:
            item = call.next(self._control.within(wait))
            self._control.check()
            wait = _QUIET_SECONDS if item is None else _SHOW_SECONDS
            if item is None:
                self._listener.idle()
            elif isinstance(item, Broken):
                raise self._broken(item)
            else:
                yield item
                if isinstance(item, Whole):
                    return

    def _streamed(self, items: Iterator[Item]) -> Answer:
        parts, events = AnswerParts(), EventStream()
        for item in items:
            for event in events.feed(item) if isinstance(item, bytes) else events.end():
                if event.strip() == b"[DONE]":
                    parts.end()
                    return parts.answer()
                self._add(parts, event)
        return parts.answer()

    def _whole(self, body: bytes) -> Answer:
        """Some servers answer whole although a stream was asked for."""
        parts = AnswerParts()
        if not self._add(parts, body):
            raise self._passing(f"answered something that is no completion: {self._shown(body)!r}")
        return parts.answer()

    def _add(self, parts: AnswerParts, event: bytes) -> bool:
        """Take one event; whether it was one of a completion. What is not is skipped and told."""
        try:
            loaded: Any = json.loads(event)
        except (ValueError, RecursionError):
            loaded = None
        if not isinstance(loaded, dict):
            self._listener.problem(f"{self._who()} sent a piece that is not JSON: {self._shown(event)[:80]!r}")
            return False
        chunk = cast("dict[str, Any]", loaded)
        if chunk.get("error"):
            raise self._passing(f"failed in the middle of its answer: {self._shown(_message_in(event))}")
        text, thinking = parts.add(chunk)
        if thinking:
            self._listener.thinking(thinking)
        if text:
            self._listener.text(text)
        return "choices" in chunk

    def _refusal(self, head: Head, body: bytes, sent: set[str]) -> Exception:
        """What an HTTP error means."""
        said = self._shown(_message_in(body))
        if head.status in _BAD_REQUEST:
            for part, words in _OPTIONAL.items():
                if part in sent and any(word in said for word in words):
                    self._unknown.add(part)
                    return _UnknownPartError()
        if head.status == _NOT_FOUND and "model" not in said.lower():
            said += f" (is there a /v1 missing at the end of {self._endpoint.base_url!r}?)"
        later = _seconds(head.headers.get("retry-after"))
        found = classify(said, status=head.status, retry_after_seconds=later)
        failed = RunFailedError(
            f"{self._who()} answered HTTP {head.status}: {said}",
            failure=found.failure,
            category=found.category,
            retry_after_seconds=found.retry_after_seconds,
        )
        is_used_up = head.status == _TOO_MANY and "insufficient_quota" in body.decode(errors="replace")
        return _PassingError(failed) if head.status in _PASSING_STATUSES and not is_used_up else failed

    def _broken(self, broken: Broken) -> Exception:
        if broken.why == "refused":
            return RunFailedError(
                f"{self._who()} cannot be reached: {broken.detail}; is the server running, and the address right?",
                failure="target_unavailable",
                category="unavailable",
            )
        words = _BROKEN_WORDS[broken.why].format(stall=self._limits.stall_seconds)
        passing = self._passing(f"{words} ({broken.detail})")
        # A silence was waited for once already, and a flood is not worth another: the host decides.
        return passing if broken.why == "broken" else passing.failed

    def _passing(self, what: str) -> _PassingError:
        return _PassingError(RunFailedError(f"{self._who()} {what}", failure="transient"))

    def _who(self) -> str:
        return f"model {self._endpoint.model!r} at {self._endpoint.base_url!r}"

    def _shown(self, text: bytes | str) -> str:
        readable = text.decode(errors="replace") if isinstance(text, bytes) else text
        return self._endpoint.without_key(readable)[:_SHOWN_CHARACTERS]


def _pieces(items: Iterator[Item]) -> Iterator[bytes]:
    return (item for item in items if isinstance(item, bytes))


def _message_in(body: bytes) -> str:
    """The words in an error object; else all of it."""
    try:
        loaded: Any = json.loads(body)
        error: Any = loaded.get("error", loaded)
        if isinstance(error, str):
            return error
        words = [str(error[key]) for key in ("message", "code", "type") if error.get(key)]
        return " ".join(words) or body.decode(errors="replace")
    except (ValueError, AttributeError, TypeError, RecursionError):
        return body.decode(errors="replace")


def _seconds(text: str | None) -> float | None:
    """``Retry-After`` in seconds; dates are left to the table of failures, which finds none."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
