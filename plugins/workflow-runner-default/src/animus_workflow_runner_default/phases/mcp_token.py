"""Bearer tokens for MCP servers: out of the environment, or fetched from the server that issues them (RFC 6749).

A token is a secret: it is masked in everything that is kept, and never stored.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.mcp_oauth import is_safe_address
from animus_workflow_runner_default.authoring.model import McpOauth, McpServer
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.json_value import json_object

__all__ = ["Fetch", "TokenAnswer", "TokenError", "TokenRequest", "Tokens", "fetch_token"]

FETCH_SECONDS = 20.0
"""How long the issuer may take for one answer."""
TRIES = 3
RETRY_SECONDS = 1.0
MAX_ANSWER_BYTES = 64 * 1024
EARLY_SECONDS = 60.0
"""So long before its end a token is fetched anew."""
LIFETIME_SECONDS = 300.0
"""How long a token is taken to be good where its issuer does not say."""
_SERVER_ERRORS = 500
_SHOWN_CHARS = 300


class TokenError(Exception):
    """There is no token for an MCP server; the text says why, without anything secret."""


class TokenRequest(NamedTuple):
    """What the issuer is asked: a form, and who asks (id and secret) where that is not part of it."""

    url: str
    form: dict[str, str]
    client: tuple[str, str] | None


class TokenAnswer(NamedTuple):
    """What it answered."""

    status: int
    body: bytes


class _Cached(NamedTuple):
    token: str
    good_until: float


Fetch = Callable[[TokenRequest], TokenAnswer]
Fill = Callable[[str], str]


class Tokens:
    """Gets tokens; one instance serves all runs, so that they share what is still good."""

    def __init__(self, clock: Clock, fetch: Fetch | None = None) -> None:
        self._clock = clock
        self._fetch = fetch_token if fetch is None else fetch
        self._cache: dict[tuple[object, ...], _Cached] = {}
        self._refreshed: dict[tuple[object, ...], str] = {}
        """Refresh tokens that an issuer gave in the place of the one that was used up."""

    async def bearers(self, servers: Mapping[str, McpServer], fill: Fill) -> dict[str, str]:
        """The token of each server that is signed in to.

        Args:
            servers: by name.
            fill: resolves references to the environment.

        Raises:
            TokenError: one cannot be had.
            InterpolationError: a variable is not set.
        """
        found: dict[str, str] = {}
        for name, server in servers.items():
            if server.oauth is not None:
                found[name] = await self._bearer(name, server.oauth, fill)
        return found

    async def _bearer(self, name: str, oauth: McpOauth, fill: Fill) -> str:
        if oauth.flow == "manual_bearer":
            return fill("${" + (oauth.bearer_env or "") + "}")
        url = fill(oauth.token_url or "")
        client = fill(oauth.client_id or "${" + (oauth.client_id_env or "") + "}")
        secret = oauth.client_secret_env or oauth.refresh_token_env
        key = (oauth.flow, url, client, secret, tuple(oauth.scopes), oauth.audience)
        cached = self._cache.get(key)
        if oauth.cache and cached is not None and cached.good_until > self._clock.monotonic():
            return cached.token
        if not is_safe_address(url):
            raise TokenError(f"MCP server {name!r}: {url!r} is not an address to send a secret to")
        answer = await self._answer(name, self._request(oauth, url, client, key, fill))
        token, lifetime = _token_in(name, answer)
        renewed = answer.get("refresh_token")
        if oauth.flow == "refresh_token" and isinstance(renewed, str):
            self._refreshed[key] = renewed
        self._cache[key] = _Cached(token, self._clock.monotonic() + lifetime - EARLY_SECONDS)
        return token

    def _request(self, oauth: McpOauth, url: str, client: str, key: tuple[object, ...], fill: Fill) -> TokenRequest:
        form: dict[str, str] = {"grant_type": oauth.flow}
        if oauth.flow == "refresh_token":
            form["refresh_token"] = self._refreshed.get(key) or fill("${" + (oauth.refresh_token_env or "") + "}")
        if oauth.scopes:
            form["scope"] = " ".join(oauth.scopes)
        if oauth.audience:
            form["audience"] = fill(oauth.audience)
        if oauth.client_secret_env is None:
            return TokenRequest(url, {**form, "client_id": client}, None)
        return TokenRequest(url, form, (client, fill("${" + oauth.client_secret_env + "}")))

    async def _answer(self, name: str, request: TokenRequest) -> dict[str, Any]:
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                await self._clock.sleep(RETRY_SECONDS * attempt)
            try:
                answer = await asyncio.to_thread(self._fetch, request)
            except OSError as error:
                problem = str(error)
                continue
            body = _object_in(answer.body)
            if answer.status < _SERVER_ERRORS:
                return {**body, "status": answer.status}
            problem = f"it answered {answer.status}"
        raise TokenError(f"MCP server {name!r}: no token from {request.url}: {problem}")


def _token_in(name: str, answer: dict[str, Any]) -> tuple[str, float]:
    token = answer.get("access_token")
    if isinstance(token, str) and token:
        lifetime = answer.get("expires_in")
        return token, float(lifetime) if isinstance(lifetime, int | float) else LIFETIME_SECONDS
    said = f"{answer.get('error', '')} {answer.get('error_description', '')}".strip() or "no 'access_token'"
    raise TokenError(f"MCP server {name!r}: no token: the issuer answered {answer['status']}: {said[:_SHOWN_CHARS]}")


def _object_in(body: bytes) -> dict[str, Any]:
    with contextlib.suppress(msgspec.DecodeError):
        return json_object(msgspec.json.decode(body)) or {}
    return {}


def fetch_token(request: TokenRequest) -> TokenAnswer:
    """Ask the issuer. Redirects are not followed: the secret is for this address alone.

    Raises:
        OSError: it cannot be reached.
    """
    import base64  # noqa: PLC0415 - few runs sign in, and start-up is a budget
    import urllib.error  # noqa: PLC0415 - as above
    import urllib.parse  # noqa: PLC0415 - as above
    import urllib.request  # noqa: PLC0415 - as above

    class Unmoved(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_args: Any, **_more: Any) -> None:
            return None

    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    if request.client is not None:
        pair = ":".join(urllib.parse.quote(part, safe="") for part in request.client)
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    form = urllib.parse.urlencode(request.form).encode()
    asked = urllib.request.Request(request.url, data=form, headers=headers, method="POST")  # noqa: S310 - `is_safe_address`
    try:
        with urllib.request.build_opener(Unmoved).open(asked, timeout=FETCH_SECONDS) as answer:
            return TokenAnswer(answer.status, answer.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return TokenAnswer(error.code, error.read(MAX_ANSWER_BYTES))
