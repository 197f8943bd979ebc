"""How MCP servers are signed in to: that each flow has what it needs, and nothing that belongs to another."""

from collections.abc import Iterator

from animus_workflow_runner_default.authoring.model import McpOauth

__all__ = ["is_safe_address", "oauth_faults"]

_NEEDED = {
    "manual_bearer": ("bearer_env",),
    "client_credentials": ("token_url", "client_secret_env"),
    "refresh_token": ("token_url", "refresh_token_env"),
}
_OPTIONAL = {
    "manual_bearer": (),
    "client_credentials": ("client_id", "client_id_env", "scopes", "audience", "cache"),
    "refresh_token": ("client_id", "client_id_env", "client_secret_env", "scopes", "audience", "cache"),
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULTS = McpOauth()


def is_safe_address(url: str) -> bool:
    """Whether a secret may be sent there: over TLS, or to this machine."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - few definitions sign in, and start-up is a budget

    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def oauth_faults(oauth: McpOauth) -> Iterator[tuple[str, str]]:
    """What is wrong with an ``oauth``: the key of it, and why."""
    needed = _NEEDED.get(oauth.flow)
    if needed is None:
        yield "flow", f"a person has to sign in for {oauth.flow!r}; get a refresh token once and use 'refresh_token'"
        return
    for key in needed:
        if not getattr(oauth, key):
            yield "flow", f"{oauth.flow!r} needs {key!r}"
    if oauth.flow != "manual_bearer" and (oauth.client_id is None) == (oauth.client_id_env is None):
        yield "flow", f"{oauth.flow!r} needs either 'client_id' or 'client_id_env'"
    for key in McpOauth.__struct_fields__:
        is_known = key in {"flow", *needed, *_OPTIONAL[oauth.flow]}
        if not is_known and getattr(oauth, key) != getattr(_DEFAULTS, key):
            yield key, f"{key!r} has no place in the flow {oauth.flow!r}"
    if oauth.token_url and "${" not in oauth.token_url and not is_safe_address(oauth.token_url):
        yield "token_url", "a secret is sent to this address, so it has to begin with https:// or be on this machine"
