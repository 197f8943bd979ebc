"""What somebody asks the queue to keep."""

from typing import Any, cast

import msgspec

from animus_queue_default.clock import MICROSECONDS
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.entry import Repository
from animus_queue_default.model.moment import LAST_MOMENT

__all__ = [
    "ANY_REQUEST",
    "LONGEST_EXPIRY",
    "MAX_KEY_LENGTH",
    "MAX_REQUEST_BYTES",
    "Request",
    "checked_key",
    "is_same_request",
    "request_hash",
]

ANY_REQUEST = ""
"""The hash of a request that was taken over from elsewhere and cannot be compared."""
MAX_KEY_LENGTH = 256
"""Characters in an idempotency key, after trimming."""
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""About how long a request may be, so that every reply that has to carry its entry fits into a frame."""
LONGEST_EXPIRY = 2**64 - 1
"""Seconds; the wire and the journal hold no larger number."""
_SURELY_SHORT_BYTES = 256 * 1024
_ABOUT_SUBJECT = ("title", "description", "labels", "metadata")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Work asked for. ``dispatch`` is JSON; the other fields are what the queue reads of it.

    ``run_at_text`` is the moment as it was written, handed back verbatim.
    """

    subject: str
    subject_key: str
    workflow_ref: str
    dispatch: bytes
    priority: int
    task_id: str | None = None
    run_at: int | None = None
    run_at_text: str | None = None
    expire_after_secs: int | None = None
    repository: Repository | None = None

    def require_size(self) -> None:
        """Refuse a request whose entry no reply could carry.

        Raises:
            InvalidRequestError: it is that long.
        """
        if len(self.dispatch) + len(self.subject) <= _SURELY_SHORT_BYTES:
            return
        # A reply spells the subject four times beside the dispatch.
        size = len(self.dispatch) + 4 * len(f"{self.subject}{self.workflow_ref}".encode())
        if size > MAX_REQUEST_BYTES:
            raise InvalidRequestError(
                f"subject_dispatch takes {size} bytes of a reply, which holds {MAX_REQUEST_BYTES}: put large input into"
                " a file and name the file"
            )

    def require_expiry_in_range(self) -> None:
        """Refuse an expiry that lies beyond the last moment that can be written.

        Raises:
            InvalidRequestError: it does.
        """
        if self.run_at is None or self.expire_after_secs is None:
            return
        if self.run_at + self.expire_after_secs * MICROSECONDS > LAST_MOMENT:
            raise InvalidRequestError(
                f"expire_after_secs {self.expire_after_secs} puts the expiry after the year 9999; leave it out"
                " for an entry that never expires"
            )


def checked_key(key: str) -> str:
    """The idempotency key without surrounding blanks.

    Raises:
        InvalidRequestError: nothing is left, or more than `MAX_KEY_LENGTH` characters.
    """
    trimmed = key.strip()
    if not trimmed or len(trimmed) > MAX_KEY_LENGTH:
        raise InvalidRequestError(f"idempotency_key has {len(trimmed)} characters; it must have 1 to {MAX_KEY_LENGTH}")
    return trimmed


def request_hash(request: Request) -> str:
    """The content of `request` as a digest: what is to be done, for which subject, where and when.

    It does not depend on key order, on when it was asked, or on what is only told about the subject, which changes
    while the subject stays the same.
    """
    return _digest(request, without=_ABOUT_SUBJECT)


def is_same_request(request: Request, digest: str, known: str) -> bool:
    """Whether a request with `digest` is the one that a key was first used with.

    Args:
        request: what is asked for.
        digest: its `request_hash`.
        known: what is kept of the first one. An earlier version kept another digest, which counted the subject's
            title, description, labels and metadata as well.
    """
    return known in {digest, ANY_REQUEST} or known == _digest(request, without=())


def _digest(request: Request, without: tuple[str, ...]) -> str:
    # Imported here: only keyed requests pay for it, and a plugin's start must not.
    from hashlib import sha256  # noqa: PLC0415 - see above

    dispatch = msgspec.json.decode(request.dispatch, type=dict[str, Any])
    dispatch.pop("requested_at", None)
    subject: Any = dispatch.get("subject")
    if isinstance(subject, dict):
        for name in without:
            cast("dict[str, Any]", subject).pop(name, None)
    content = {
        "dispatch": dispatch,
        "repository": None if request.repository is None else msgspec.structs.asdict(request.repository),
        "run_at": request.run_at,
        "expire_after_secs": request.expire_after_secs,
    }
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
