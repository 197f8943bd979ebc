"""Which programs shipped inside a repository the user has looked at and allowed to run.

A cloned repository can bring plugins. They are neither run nor asked for their manifest before their content, by hash,
was trusted; the store lies outside every repository, so that no repository can trust itself.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from animus_plugin_runtime.durable import locked, write_durably
from animus_plugin_runtime.errors import TrustError

__all__ = ["TrustStore", "Verdict", "hash_file"]

_BLOCK_BYTES = 1024 * 1024


class Verdict(NamedTuple):
    """Whether a file may run, and if not, why and what to do. `sha256` is of the content that was judged."""

    trusted: bool
    reason: str
    sha256: str


class _Contents(msgspec.Struct, forbid_unknown_fields=True):
    format: int = 1
    trusted: dict[str, str] = {}


_decoder: Any = msgspec.json.Decoder(_Contents)


def hash_file(path: Path) -> str:
    """Sha256 of a file's content, in hex.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


class TrustStore:
    """The hashes of trusted files by real path, in one JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def trust(self, path: Path) -> str:
        """Allow the file as it is now; returns its hash.

        Raises:
            TrustError: it is no file, cannot be read, or the store is corrupt.
        """
        real = path.resolve()
        try:
            digest = hash_file(real)
        except OSError as error:
            message = f"{str(path)!r} cannot be trusted: {error.strerror or error}"
            raise TrustError(message) from error
        with locked(self.path):
            contents = self._load()
            contents.trusted[str(real)] = digest
            write_durably(self.path, msgspec.json.format(msgspec.json.encode(contents), indent=1) + b"\n")
        return digest

    def forget(self, path: Path) -> bool:
        """Take the trust back; whether there was any.

        Raises:
            TrustError: the store is corrupt.
        """
        with locked(self.path):
            contents = self._load()
            known = contents.trusted.pop(str(path.resolve()), None)
            if known is not None:
                write_durably(self.path, msgspec.json.format(msgspec.json.encode(contents), indent=1) + b"\n")
        return known is not None

    def verdict(self, path: Path) -> Verdict:
        """Judge the file as it is now. A corrupt store trusts nothing and says so."""
        command = f"look at it, then run: animus plugin trust {path}"
        try:
            digest = hash_file(path.resolve())
            known = self._load().trusted.get(str(path.resolve()))
        except (OSError, TrustError) as error:
            return Verdict(trusted=False, reason=str(error), sha256="")
        if known is None:
            return Verdict(
                trusted=False, reason=f"it comes with the repository and is not trusted; {command}", sha256=digest
            )
        if known != digest:
            return Verdict(trusted=False, reason=f"it has changed since it was trusted; {command}", sha256=digest)
        return Verdict(trusted=True, reason="trusted", sha256=digest)

    def is_trusted(self, path: Path) -> bool:
        """Whether the file may run as it is now."""
        return self.verdict(path).trusted

    def _load(self) -> _Contents:
        try:
            contents: _Contents = _decoder.decode(self.path.read_bytes())
        except FileNotFoundError:
            return _Contents()
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            message = f"the trust store {str(self.path)!r} cannot be read ({error}); move it away and trust again"
            raise TrustError(message) from error
        if contents.format != 1:
            message = f"the trust store {str(self.path)!r} is of format {contents.format}, this version knows 1"
            raise TrustError(message)
        return contents
