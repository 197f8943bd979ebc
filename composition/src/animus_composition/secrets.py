"""Secrets by reference: a variable whose value is somewhere else, read when a plugin that may have it is started.

``secrets.toml`` in the user's configuration directory says where. No repository has a say in it, and nothing of a value
is ever written down here::

    [secrets]
    GITHUB_TOKEN = "keyring:github/me"          # the desktop's keyring: service and account
    OPENAI_API_KEY = "gpg:~/secrets/openai.gpg" # a file that gpg decrypts
    REGISTRY_TOKEN = "env:COMPANY_TOKEN"        # another variable

A variable that is set in the environment wins. Who gets it is decided as for any variable: a plugin whose manifest
declares it, and all of them if it is named in ``ANIMUS_FORWARD_ENV``.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from animus_composition.document import load_document
from animus_control.errors import ControlError

__all__ = ["REFERENCE_KINDS", "SecretEnvironment", "SecretUnavailableError", "load_references", "secrets_path"]

REFERENCE_KINDS = ("env", "keyring", "gpg")
READ_SECONDS = 30
"""How long a keyring or gpg may take; both may ask a person."""


class SecretUnavailableError(OSError):
    """A reference leads to nothing; the message names it and never a value."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    secrets: dict[str, str] = {}


class SecretEnvironment(Mapping[str, str]):
    """An environment in which references count as set. A value is read each time it is asked for, and not kept.

    Args:
        environ: what is set; it wins.
        references: variable to reference.
    """

    def __init__(self, environ: Mapping[str, str], references: Mapping[str, str]) -> None:
        self._environ, self._references = environ, references

    def __getitem__(self, name: str) -> str:
        """The value.

        Raises:
            SecretUnavailableError: it cannot be read.
        """
        if name in self._environ or name not in self._references:
            return self._environ[name]
        return _read(name, self._references[name], self._environ)

    def __contains__(self, name: object) -> bool:
        return name in self._environ or name in self._references

    def __iter__(self) -> Iterator[str]:
        return iter({**self._environ, **self._references})

    def __len__(self) -> int:
        return len({**self._environ, **self._references})


def secrets_path(config_dir: Path) -> Path:
    """Where the references of a user stand."""
    return config_dir / "secrets.toml"


def load_references(config_dir: Path) -> dict[str, str]:
    """Variable to reference.

    Raises:
        ControlError: ``invalid_request`` naming the file and the entry that is none.
    """
    path = secrets_path(config_dir)
    if not path.exists():
        return {}
    references = load_document(path, _Document).secrets
    for name, reference in references.items():
        kind, _, place = reference.partition(":")
        if kind not in REFERENCE_KINDS or not place or (kind == "keyring" and "/" not in place.strip("/")):
            forms = "env:NAME, keyring:SERVICE/ACCOUNT or gpg:PATH"
            raise ControlError("invalid_request", f"{path}: the reference of {name!r} is none of {forms}")
    return references


def _read(name: str, reference: str, environ: Mapping[str, str]) -> str:
    kind, _, place = reference.partition(":")
    if kind == "env":
        if place not in environ:
            raise SecretUnavailableError(f"secret {name!r} is in the variable {place!r}, which is not set")
        return environ[place]
    command = _command(kind, place)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=READ_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"secret {name!r} cannot be read from {reference!r}: {type(error).__name__} of {command[0]!r}"
        raise SecretUnavailableError(message) from error
    value = done.stdout.removesuffix("\n")
    if done.returncode != 0 or not value:
        said = done.stderr.strip().splitlines()[-1:] or ["there is nothing"]
        raise SecretUnavailableError(f"secret {name!r} cannot be read from {reference!r}: {said[0]}")
    return value


def _command(kind: str, place: str) -> list[str]:
    if kind == "gpg":
        return ["gpg", "--quiet", "--batch", "--decrypt", "--", str(Path(place).expanduser())]
    service, _, account = place.partition("/")
    if sys.platform == "darwin":
        return ["security", "find-generic-password", "-s", service, "-a", account, "-w"]
    return ["secret-tool", "lookup", "service", service, "account", account]
