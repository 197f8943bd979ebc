"""Where the program finds its model, and with whose key or login."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from animus_agent_cli.request import AgentRequest, UnsupportedError
from animus_provider_codex.setting import setting

__all__ = ["BASE_URL", "HOME", "KEYS", "KEY_VARIABLE", "Login", "codex_home", "find_missing_login", "login_of"]

BASE_URL: Final = "ANIMUS_CODEX_BASE_URL"
"""Another server that speaks the Responses API; the program itself takes that as a setting only."""
KEY_VARIABLE: Final = "ANIMUS_CODEX_KEY_VARIABLE"
"""The name of the variable with the key for it."""
HOME: Final = "CODEX_HOME"
KEYS: Final = ("CODEX_API_KEY", "OPENAI_API_KEY")
"""The first is the program's own, for runs like these; the second is what everybody has."""

_PROVIDER: Final = "animus"


class Login(NamedTuple):
    """What it takes: arguments, and what is set in the environment."""

    args: list[str]
    environment: dict[str, str]


def codex_home(environment: Mapping[str, str]) -> Path:
    """Where the program keeps logins, settings and sessions."""
    return Path(environment.get(HOME) or Path(environment.get("HOME") or "/") / ".codex")


def login_of(request: AgentRequest) -> Login:
    """How the program gets at its model for `request`: a server that was named, else a key, else the user's login.

    Raises:
        UnsupportedError: a key is named that is not there.
    """
    environment = request.environment
    if request.sandbox and environment.get(KEY_VARIABLE):
        raise UnsupportedError(
            f"{KEY_VARIABLE} cannot be used with sandbox: bubblewrap; give the key as {' or '.join(KEYS)}"
        )
    base_url = request.broker_url or environment.get(BASE_URL)
    key = _key_in(environment)
    if base_url:
        provider: dict[str, Any] = {
            "name": _PROVIDER,
            "base_url": base_url,
            "wire_api": "responses",
            "requires_openai_auth": False,
            "supports_websockets": False,
        }
        if key is not None:
            provider["env_key"] = key
        args = [*setting("model_provider", _PROVIDER), *setting(f"model_providers.{_PROVIDER}", provider)]
        # Usage figures are for the maker's own server; out of reach, they hold up the end of every run for seconds.
        return Login([*args, *setting("analytics.enabled", value=False)], {})
    if key is None or key == KEYS[0] or (key == KEYS[1] and _has_login(environment)):
        return Login([], {})
    return Login([], {KEYS[0]: environment[key]})


def find_missing_login(environment: Mapping[str, str]) -> str | None:
    """What is missing for the program to be logged in; a server that was named may need no key."""
    named = environment.get(KEY_VARIABLE)
    if named and not environment.get(named):
        return f"{KEY_VARIABLE} names {named!r}, which is not set for the daemon; name it in ANIMUS_FORWARD_ENV too"
    if environment.get(BASE_URL) or any(environment.get(name) for name in KEYS) or _has_login(environment):
        return None
    if "model_provider" in _text(codex_home(environment) / "config.toml"):
        return None  # a server of the user's own
    return "no login found: set OPENAI_API_KEY for the daemon, or log in once with `codex login`"


def _key_in(environment: Mapping[str, str]) -> str | None:
    named = environment.get(KEY_VARIABLE)
    if named and not environment.get(named):
        raise UnsupportedError(
            f"{KEY_VARIABLE} names {named!r}, which the agent does not have; set it, and name it in ANIMUS_FORWARD_ENV"
        )
    return named or next((name for name in KEYS if environment.get(name)), None)


def _has_login(environment: Mapping[str, str]) -> bool:
    home = codex_home(environment)
    return (home / "auth.json").is_file() or "cli_auth_credentials_store" in _text(home / "config.toml")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
