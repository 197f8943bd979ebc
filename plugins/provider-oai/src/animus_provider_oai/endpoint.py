"""Which server answers, by which key and model, at what price: from environment variables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.limits import Limits

__all__ = [
    "BASE_URL",
    "FALLBACK_BASE_URL",
    "KEY",
    "MODEL",
    "OPENAI_URL",
    "PRICES",
    "STALL",
    "TURNS",
    "Endpoint",
    "Price",
    "base_url_in",
    "endpoint_in",
    "limits_in",
    "price_in",
]

BASE_URL: Final = "ANIMUS_OAI_BASE_URL"
FALLBACK_BASE_URL: Final = "OPENAI_BASE_URL"
KEY: Final = "OPENAI_API_KEY"
MODEL: Final = "ANIMUS_OAI_MODEL"
PRICES: Final = "ANIMUS_OAI_PRICES"
TURNS: Final = "ANIMUS_OAI_MAX_TURNS"
STALL: Final = "ANIMUS_OAI_STALL_SECONDS"
OPENAI_URL: Final = "https://api.openai.com/v1"
"""Where a key without an address belongs."""

_PRICE_FILE_LIMIT_BYTES: Final = 1024 * 1024
_MILLION: Final = 1_000_000


class Endpoint(NamedTuple):
    """A server and what it is asked for. `base_url` has no slash at its end."""

    base_url: str
    model: str
    key: str | None = None

    def without_key(self, text: str) -> str:
        """`text` fit to be shown: servers like to repeat the key in their complaints."""
        return text.replace(self.key, "***") if self.key else text


class Price(NamedTuple):
    """Money for a million tokens."""

    input: float
    output: float
    cached: float | None = None

    def cost(self, *, fresh: int, cached: int, output: int) -> float:
        """What so many tokens cost; `fresh` are the input tokens that no cache had."""
        cached_price = self.input if self.cached is None else self.cached
        return (fresh * self.input + cached * cached_price + output * self.output) / _MILLION


def base_url_in(environment: Mapping[str, str]) -> str | None:
    """The address of the endpoint; None when nothing names one."""
    named = environment.get(BASE_URL) or environment.get(FALLBACK_BASE_URL)
    return named or (OPENAI_URL if environment.get(KEY) else None)


def endpoint_in(environment: Mapping[str, str], model: str | None) -> Endpoint:
    """The endpoint, and `model` or the model that is set.

    Raises:
        RunFailedError: an address or a model is missing, or the address cannot be one.
    """
    named = base_url_in(environment)
    if not named:
        raise RunFailedError(
            f"no endpoint is set: set {BASE_URL} (for example http://127.0.0.1:11434/v1), or {KEY} for {OPENAI_URL}",
            failure="target_unavailable",
            category="unavailable",
        )
    if not _is_address(named):
        raise RunFailedError(
            f"{BASE_URL} must be an http or https address like http://127.0.0.1:11434/v1, not {named!r}",
            failure="target_unavailable",
            category="unavailable",
        )
    wanted = model or environment.get(MODEL)
    if not wanted:
        raise RunFailedError(
            f"no model is named: name one in the workflow (agents.<id>.model) or set {MODEL}",
            failure="target_unavailable",
            category="session_start_failed",
        )
    return Endpoint(named.rstrip("/"), wanted, environment.get(KEY, "").strip() or None)


def _is_address(text: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415 - start-up is a budget

    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def limits_in(environment: Mapping[str, str]) -> Limits:
    """The bounds that are set.

    Raises:
        RunFailedError: one is no number above 0.
    """
    limits = Limits()
    turns = _number(environment, TURNS, limits.turns)
    return limits._replace(turns=max(1, int(turns)), stall_seconds=_number(environment, STALL, limits.stall_seconds))


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise RunFailedError(f"{name} must be a number above 0, not {text!r}", category="session_start_failed")
    return number


def price_in(environment: Mapping[str, str], model: str) -> Price | None:
    """The price of `model` in the table; None without a table or a row.

    The table is a JSON object, or the path of a file with one: ``{"<model>": {"input": 1.0, "output": 2.0, "cached":
    0.1}}``, in money for a million tokens.

    Raises:
        RunFailedError: there is a table and it cannot be understood.
    """
    text = environment.get(PRICES, "").strip()
    if not text:
        return None
    try:
        table: Any = json.loads(text if text.startswith("{") else _price_file(text))
        row: Any = cast("dict[str, Any]", table).get(model)
        if row is None:
            return None
        return _price(cast("dict[str, Any]", row))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunFailedError(
            f"{PRICES} must be a JSON object, or a file with one, of model to "
            f'{{"input": money, "output": money, "cached": money}}: {error!r}',
            category="session_start_failed",
        ) from error


def _price_file(name: str) -> bytes:
    with Path(name).open("rb") as stream:
        return stream.read(_PRICE_FILE_LIMIT_BYTES)


def _price(row: dict[str, Any]) -> Price:
    unknown = row.keys() - {"input", "output", "cached"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}")
    cached = row.get("cached")
    return Price(float(row["input"]), float(row["output"]), None if cached is None else float(cached))
