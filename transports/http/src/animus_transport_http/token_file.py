"""The token: a variable or a reference to a secret, else a file of the project that is made at the first start."""

import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from animus_composition.secrets import SecretEnvironment, load_references
from animus_control.errors import ControlError
from animus_control.project import Project

__all__ = ["TOKEN_VARIABLE", "Token", "find_token", "token_path"]

TOKEN_VARIABLE = "ANIMUS_HTTP_TOKEN"  # noqa: S105 - a variable's name
_RANDOM_BYTES = 32
_MIN_CHARS = 16


class Token(NamedTuple):
    """What callers show; `source` says where it is from, for people, and holds nothing of it."""

    text: str
    source: str


def token_path(project: Project) -> Path:
    """Where the token of a project is, if it is in a file."""
    return project.state_dir / "http" / "token"


def find_token(project: Project, environ: Mapping[str, str] = os.environ) -> Token:
    """The token that is configured, or the one of the file; makes the file if there is none.

    Raises:
        ControlError: it is too short, or the file is open to other users.
        OSError: the reference or the file cannot be read.
    """
    known = SecretEnvironment(environ, load_references(project.config_dir))
    if TOKEN_VARIABLE in known:
        return Token(_checked(known[TOKEN_VARIABLE], f"the variable {TOKEN_VARIABLE!r}"), TOKEN_VARIABLE)
    path = token_path(project)
    if not path.exists():
        project.ensure_state()
        _make(path)
    return Token(_checked(_read(path), f"the file {str(path)!r}"), str(path))


def _make(path: Path) -> None:
    """Write a new token, whole or not at all: two servers that start at once get the same one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix="token.", dir=path.parent)  # readable by its owner alone
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(_RANDOM_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another server was first
    finally:
        Path(draft).unlink()


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor) as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            message = f"{str(path)!r} has to belong to user {os.getuid()} with mode 0600; remove it to get a new token"
            raise ControlError("permission_denied", message)
        return file.read().strip()


def _checked(token: str, where: str) -> str:
    if len(token) < _MIN_CHARS or not token.isascii() or not token.isprintable() or " " in token:
        message = f"{where} holds no token: it takes {_MIN_CHARS} or more ASCII characters without blanks"
        raise ControlError("invalid_request", message, next_step="animus http serve --help")
    return token
