"""What a child process may see of our environment: an allow-list, never a copy."""

import os
from collections.abc import Iterable, Mapping

__all__ = [
    "ALLOWED_VARIABLES",
    "FORWARD_VARIABLE",
    "MARK_VARIABLE",
    "RUN_VARIABLE",
    "child_environment",
    "new_mark",
]

ALLOWED_VARIABLES = (
    "PATH",
    "HOME",
    "USER",
    "SHELL",
    "TERM",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "ANIMUS_CONFIG_DIR",
)
"""Forwarded when set."""

FORWARD_VARIABLE = "ANIMUS_FORWARD_ENV"
"""Holds further names to forward, separated by commas or blanks. It is itself forwarded, so that it holds for
grandchildren too."""

MARK_VARIABLE = "ANIMUS_PROCESS_MARK"
"""Set in the environment of a recorded process and inherited by what it starts: the descendants of a dead process
are found by it."""

RUN_VARIABLE = "ANIMUS_RUN_ID"
"""The run a process was started for."""


def child_environment(
    extra: Mapping[str, str] | None = None,
    keep: Iterable[str] = (),
    *,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment for a child process.

    Args:
        extra: variables to set, whatever the parent has.
        keep: names to take from the parent besides the allow-list, for example those a manifest declares.
        environ: the parent's environment; our own when None.
    """
    source = os.environ if environ is None else environ
    forwarded = source.get(FORWARD_VARIABLE, "").replace(",", " ").split()
    names = (*ALLOWED_VARIABLES, FORWARD_VARIABLE, *forwarded, *keep)
    kept = {name: source[name] for name in names if name in source and name != MARK_VARIABLE}
    return kept | dict(extra or {})


def new_mark() -> str:
    """A mark that no other process carries."""
    return os.urandom(16).hex()
