"""A delivery: what one request says, in the words of its sender."""

import re
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs

import msgspec

from animus_trigger_webhook.hook import GITHUB
from animus_trigger_webhook.http_request import BadRequestError

__all__ = ["PAYLOAD_LIMIT_BYTES", "Delivery", "event_id_of", "header_names", "is_signed_by", "read_delivery"]

PAYLOAD_LIMIT_BYTES = 2 * 1024 * 1024
"""What an event may hold once it is written as JSON: half of what an entry of a queue may."""

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_NAME = re.compile(r"[\w.:/-]{1,100}", re.ASCII)
_SIGNATURE = re.compile(r"sha256=([0-9a-fA-F]{64})")
_EVENT_ID_DIGITS = 32


class Headers(NamedTuple):
    """Where a type of webhook says what."""

    signature: str
    delivery: str
    event: str


_PLAIN_HEADERS = Headers("x-animus-signature", "x-animus-delivery", "x-animus-event")
_GITHUB_HEADERS = Headers("x-hub-signature-256", "x-github-delivery", "x-github-event")


class Delivery(NamedTuple):
    """What one request says.

    Attributes:
        id: the sender's own id of it; None when it gave none.
        event: the event's name; None when it gave none.
        body: the decoded JSON, or the text of anything else.
    """

    id: str | None
    event: str | None
    body: Any

    @property
    def action(self) -> str | None:
        """The action that the body names."""
        body: Any = self.body  # narrowed as an attribute it would be a dict of nothing known
        action = cast("dict[str, Any]", body).get("action") if isinstance(body, dict) else None
        return action if isinstance(action, str) else None

    def payload(self, delivery_id: str) -> bytes:
        """The event's payload as JSON.

        Raises:
            BadRequestError: it is larger than `PAYLOAD_LIMIT_BYTES`.
        """
        data = msgspec.json.encode({"delivery_id": delivery_id, "event": self.event, "body": self.body})
        if len(data) > PAYLOAD_LIMIT_BYTES:
            raise BadRequestError(413, f"the event takes more than {PAYLOAD_LIMIT_BYTES} bytes")
        return data


def header_names(hook_type: str) -> Headers:
    """The headers of a type of webhook."""
    return _GITHUB_HEADERS if hook_type == GITHUB else _PLAIN_HEADERS


def is_signed_by(secret: bytes, signature: str | None, body: bytes) -> bool:
    """Whether `signature` (``sha256=`` and 64 hex digits) is the HMAC of `body`; takes as long whatever is wrong."""
    import hmac  # noqa: PLC0415 - start-up is a budget

    expected = hmac.digest(secret, body, "sha256")
    matched = _SIGNATURE.fullmatch(signature or "")
    given = bytes.fromhex(matched[1]) if matched else b"\0" * len(expected)
    return hmac.compare_digest(expected, given) and matched is not None


def read_delivery(hook_type: str, headers: dict[str, str], body: bytes) -> Delivery:
    """The delivery of a request that may be trusted.

    Raises:
        BadRequestError: an id or name has characters no sender needs, or the body is not what its type says.
    """
    names = header_names(hook_type)
    delivery_id, event = headers.get(names.delivery), headers.get(names.event)
    if delivery_id is not None and not _ID.fullmatch(delivery_id):
        raise BadRequestError(400, f"{names.delivery} must have 1 to 200 printable characters without blanks")
    if event is not None and not _NAME.fullmatch(event):
        raise BadRequestError(400, f"{names.event} is no name of an event")
    return Delivery(delivery_id, event, _decoded(hook_type, headers.get("content-type", ""), body))


def event_id_of(trigger_id: str, delivery_id: str) -> str:
    """One id for one delivery to one trigger: senders repeat theirs for each place that they deliver to."""
    import hashlib  # noqa: PLC0415 - start-up is a budget

    return hashlib.sha256(f"{trigger_id}\0{delivery_id}".encode()).hexdigest()[:_EVENT_ID_DIGITS]


def _decoded(hook_type: str, content_type: str, body: bytes) -> Any:
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        if hook_type == GITHUB and media_type == "application/x-www-form-urlencoded":
            fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=8)
            return msgspec.json.decode(fields["payload"][0])
        if media_type == "application/json" or media_type.endswith("+json"):
            return msgspec.json.decode(body)
        return body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, RecursionError):
        raise BadRequestError(400, f"the body is not {media_type or 'UTF-8 text'}") from None
