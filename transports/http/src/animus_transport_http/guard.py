"""Who may ask: a bearer of the token, by a name that is ours, and no web page.

A page that a browser shows can reach every address the browser can, and a name its owner controls can be made to mean
127.0.0.1 (DNS rebinding). So a request has to name us by an address, as ``localhost``, or by a name that a person
allowed, and one that comes from the page of another origin is refused whatever else it brings.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable

from animus_transport_http.exchange import Head
from animus_transport_http.refusal import RefusalError

__all__ = ["Guard"]

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\s]+)(?::[0-9]*)?")


class Guard:
    """Lets a request through or refuses it; nothing of the request but its head is looked at.

    Args:
        token: what callers have to show; None lets everybody in who reaches us.
        hosts: names that we may be called by, beside ``localhost`` and addresses.
    """

    def __init__(self, token: str | None, hosts: Iterable[str] = ()) -> None:
        self._token = None if token is None else token.encode()
        self._hosts = {"localhost", *(host.lower() for host in hosts)}

    def check(self, head: Head) -> None:
        """Return if the request may be looked at.

        Raises:
            RefusalError: 421, 403 or 401.
        """
        host = head.headers.get("host", "")
        if not self._is_ours(host):
            message = f"this server is not called {host!r}; allow a name with --allow-host"
            raise RefusalError(421, "misdirected", message)
        origin = head.headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}".lower(), f"https://{host}".lower()}:
            raise RefusalError(403, "forbidden", f"a page of {origin!r} may not use this server")
        if self._token is not None and not self._is_shown(head.headers.get("authorization", ""), self._token):
            message = "send the header 'Authorization: Bearer TOKEN'; where TOKEN is, 'animus http serve' says"
            raise RefusalError(401, "unauthorized", message, headers=(("WWW-Authenticate", "Bearer"),))

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower()
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    @staticmethod
    def _is_shown(authorization: str, token: bytes) -> bool:
        scheme, _, shown = authorization.partition(" ")
        is_right = hmac.compare_digest(shown.strip().encode(), token)  # takes as long whichever letter differs
        return is_right and scheme.lower() == "bearer"
