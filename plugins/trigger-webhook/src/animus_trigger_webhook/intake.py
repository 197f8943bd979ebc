"""What is answered to a request, and what is kept of it.

A delivery is taken when it goes to a hook that is served, is signed with the hook's secret, passes its filter, was not
taken before and fits into its rate. It is answered with 202 only once it is durable; whatever is answered otherwise,
nothing was kept.
"""

import math
import re
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from animus_trigger_webhook.address import Address
from animus_trigger_webhook.delivery import Delivery, event_id_of, header_names, is_signed_by, read_delivery
from animus_trigger_webhook.hook import GITHUB, Hook, RateWindow
from animus_trigger_webhook.http_request import BadRequestError, Head, body_length
from animus_trigger_webhook.spool import Added, Spool, SpoolError

__all__ = ["PATH_PREFIX", "Answer", "Intake"]

PATH_PREFIX = "/hooks/"

_FULL_RETRY_SECONDS = 60
_PING = "ping"
_PORT = re.compile(r":[0-9]*$")
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Answer(NamedTuple):
    """Status, a small JSON object, and further headers."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()

    def encoded_body(self) -> bytes:
        """The body as it is sent."""
        return msgspec.json.encode(self.body) + b"\n"


class Intake:
    """The hooks that are served at one address; for use by any thread."""

    def __init__(
        self, address: Address, spool: Spool, monotonic: Callable[[], float], on_added: Callable[[], None]
    ) -> None:
        """Serve no hook yet.

        Args:
            address: where the requests come in; one that only this machine reaches may do without secrets.
            spool: keeps what is taken.
            monotonic: seconds that only grow.
            on_added: is called after a delivery was kept.
        """
        self._address, self._spool, self._monotonic, self._on_added = address, spool, monotonic, on_added
        self._hooks: dict[str, Hook] = {}
        self._problems: dict[str, str] = {}
        self._windows: dict[str, RateWindow] = {}
        self._lock = threading.Lock()  # of the windows: two requests must not take the same place

    def serve(self, hooks: Iterable[Hook], problems: dict[str, str]) -> None:
        """Serve these from now on; `problems` says of others why they are not."""
        self._hooks, self._problems = {hook.trigger_id: hook for hook in hooks}, problems

    def look_at(self, head: Head) -> Hook | Answer:
        """The hook of a request, or what is answered without reading its body.

        Raises:
            BadRequestError: no body may follow.
        """
        if not head.path.startswith(PATH_PREFIX):
            return Answer(404, {"error": f"nothing is here; hooks are below {PATH_PREFIX}"})
        trigger_id = unquote(head.path.removeprefix(PATH_PREFIX))
        hook = self._hooks.get(trigger_id)
        if hook is None:
            if trigger_id in self._problems:  # what the problem is, is for those who may read the log
                return Answer(503, {"error": "this hook is not served; the daemon's log says why"})
            return Answer(404, {"error": "there is no such hook"})
        if head.method != "POST":
            return Answer(405, {"error": "deliveries are sent with POST"}, (("Allow", "POST"),))
        body_length(head)
        return self._refusal(hook, head) or hook

    def take(self, hook: Hook, head: Head, body: bytes) -> Answer:
        """Keep a delivery if it is one to be kept; what is answered.

        Raises:
            BadRequestError: the request is no delivery.
        """
        if hook.secret is not None:
            signature = head.headers.get(header_names(hook.type).signature)
            if not is_signed_by(hook.secret, signature, body):
                return Answer(401, {"error": "the signature is not that of the body"})
        delivery = read_delivery(hook.type, head.headers, body)
        if hook.type == GITHUB and delivery.event == _PING and _PING not in hook.events:
            return Answer(200, {"status": "pong"})
        if not hook.wants(delivery.event, delivery.action):
            return Answer(200, {"status": "ignored", "reason": "the trigger's filter leaves this event out"})
        try:
            return self._keep(hook, delivery, body)
        except SpoolError:
            return Answer(503, {"error": "the delivery could not be stored"}, _retry_after(_FULL_RETRY_SECONDS))

    def _refusal(self, hook: Hook, head: Head) -> Answer | None:
        """Why a sender cannot be the right one, as far as the head shows it."""
        if hook.secret is None and not self._is_local(head):
            return Answer(403, {"error": "a hook without a secret takes requests of this machine's programs only"})
        if hook.secret is not None and header_names(hook.type).signature not in head.headers:
            return Answer(401, {"error": f"the request has no {header_names(hook.type).signature}"})
        return None

    def _keep(self, hook: Hook, delivery: Delivery, body: bytes) -> Answer:
        import hashlib  # noqa: PLC0415 - start-up is a budget

        delivery_id = delivery.id or uuid.uuid4().hex
        event_id = event_id_of(hook.trigger_id, delivery_id)
        payload = delivery.payload(delivery_id)
        with self._lock:
            window = self._windows.setdefault(hook.trigger_id, RateWindow(self._monotonic))
            wait = 0.0 if self._spool.is_known(event_id) else window.wait_seconds(hook.deliveries_per_minute)
            if wait > 0:
                limit = f"at most {hook.deliveries_per_minute} deliveries a minute are taken"
                return Answer(429, {"error": limit}, _retry_after(wait))
            added = self._spool.add(hook.trigger_id, event_id, payload, hashlib.sha256(body).digest())
            if added is Added.NEW:
                window.take()
        if added is Added.NEW:
            self._on_added()
            return Answer(202, {"status": "accepted", "event_id": event_id})
        if added is Added.REPEATED:
            return Answer(200, {"status": "repeated", "event_id": event_id})
        if added is Added.CONFLICTING:
            raise BadRequestError(409, f"delivery {delivery_id!r} was sent before with another body")
        return Answer(503, {"error": "too many deliveries wait already"}, _retry_after(_FULL_RETRY_SECONDS))

    def _is_local(self, head: Head) -> bool:
        """Whether a program of this machine sent it by the server's own name: not a browser for some page."""
        name = _PORT.sub("", head.headers.get("host", ""))
        is_named = name.lower() in _LOCAL_NAMES or name.strip("[]") == self._address.host
        return self._address.is_loopback and is_named and "origin" not in head.headers


def _retry_after(seconds: float) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", str(max(1, math.ceil(seconds)))),)
