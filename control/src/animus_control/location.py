"""Where a project's state and its daemon's socket lie, worked out with next to no imports.

A command that only asks a daemon should not take longer than the interpreter itself. So paths are plain text here,
and neither `pathlib`, `re` nor `hashlib` is loaded; `animus_control.project` wraps the same answers in types.
"""
# ruff: noqa: PTH109, PTH110, PTH111, PTH112, PTH118, PTH119, PTH120, PTH123 - pathlib is what this module does without

import os
import sys

TYPE_CHECKING = False  # importing typing costs more than this whole module; checkers know the name
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_SOCKET_PATH_BYTES", "checkout_of", "config_dir_of", "scope_of", "socket_path_in"]

MAX_SOCKET_PATH_BYTES = 103
"""What fits into a socket address on Linux (107) and on macOS (103)."""

_BARE_HASHES = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
"""Where CPython has SHA-256 without OpenSSL, which takes longer to load than everything else here."""

_SHORT_ROOT = "/tmp"  # noqa: S108 - short on purpose; the daemon checks owner and mode of what it makes below it
_SCOPE_DIGITS = 12
_SOCKET_DIGITS = 12
_IN_SLUG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def checkout_of(start: str) -> tuple[str, str]:
    """The checkout around the canonical directory `start` and the directory that names its state.

    Linked worktrees belong to their main checkout; without version control both are `start`.
    """
    directory = start
    while True:
        marker = f"{directory.rstrip('/')}/.git"
        if os.path.isdir(marker):
            return directory, directory
        if os.path.exists(marker):
            return _linked(directory, marker)
        parent = os.path.dirname(directory)
        if parent == directory:
            return start, start
        directory = parent


def scope_of(identity: str) -> str:
    """The name of the state directory of the project at the canonical path `identity`."""
    kept = "".join(letter if letter in _IN_SLUG else " " for letter in os.path.basename(identity).lower())
    return f"{'-'.join(kept.split()) or 'project'}-{_digest(identity, _SCOPE_DIGITS)}"


def config_dir_of(environ: "Mapping[str, str]") -> str:
    """What all projects of the user share: ``ANIMUS_CONFIG_DIR``, or ``~/.animus``."""
    configured = environ.get("ANIMUS_CONFIG_DIR")
    if configured:
        return os.path.join(os.getcwd(), configured).rstrip("/") or "/"
    return os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".animus")


def socket_path_in(state_dir: str) -> str:
    """Where the daemon with this state directory listens; a path too long for the system moves to a short one."""
    wanted = f"{state_dir}/control.sock"
    if len(os.fsencode(wanted)) <= MAX_SOCKET_PATH_BYTES:
        return wanted
    return f"{_SHORT_ROOT}/animus-{os.getuid()}/{_digest(wanted, _SOCKET_DIGITS)}/control.sock"


def _digest(text: str, digits: int) -> str:
    try:
        hashes = __import__(_BARE_HASHES)
    except ImportError:  # another interpreter
        hashes = __import__("hashlib")
    return str(hashes.sha256(os.fsencode(text)).hexdigest())[:digits]


def _linked(directory: str, marker: str) -> tuple[str, str]:
    """Root and identity of a checkout with a ``.git`` file; one with a common directory is a linked worktree."""
    private = os.path.realpath(os.path.join(directory, _text(marker).removeprefix("gitdir:").strip()))
    try:
        common = _text(os.path.join(private, "commondir"))
    except OSError:
        return directory, directory  # a submodule: a project of its own
    shared = os.path.realpath(os.path.join(private, common))
    if os.path.basename(shared) == ".git":
        main = os.path.dirname(shared)
        return main, main
    return directory, shared  # worktrees of a bare repository share its scope; each is its own root


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()
