"""Which project is meant and where its state lies.

The project is the version-controlled checkout around the current directory; linked worktrees belong to their main
checkout. State is kept outside the project, in a directory named after it and its canonical path.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Project", "find_project", "repo_scope_of"]

_SCOPE_DIGITS = 12
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


class Project(NamedTuple):
    """A project and its directories.

    Attributes:
        root: the checkout the project's own files are read from.
        repo_scope: the name of its state directory, ``<slug>-<12 hex digits>``.
        state_dir: what the project's runs leave behind; only the user can read it.
        config_dir: what is shared by all projects of the user (``~/.animus``).
    """

    root: Path
    repo_scope: str
    state_dir: Path
    config_dir: Path

    @property
    def authored_dir(self) -> Path:
        """What the project's authors wrote for Animus."""
        return self.root / ".animus"

    @property
    def manifest_path(self) -> Path:
        """The hand-edited project manifest."""
        return self.root / "animus.toml"

    @property
    def log_path(self) -> Path:
        """Where a detached daemon writes its standard error."""
        return self.state_dir / "daemon" / "daemon.log"

    @property
    def events_path(self) -> Path:
        """The recorded events, one JSON object a line."""
        return self.state_dir / "logs" / "events.jsonl"

    def ensure_state(self) -> None:
        """Make the state directories, closed to everybody else."""
        for name in ("daemon", "logs/runs", "processes"):
            (self.state_dir / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state_dir.chmod(0o700)


def find_project(start: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """The project around `start`, which need not have been set up.

    Args:
        start: a directory.
        environ: ``ANIMUS_CONFIG_DIR`` moves ``~/.animus``.
    """
    here = start.resolve()
    root, identity = here, here
    for directory in (here, *here.parents):
        marker = directory / ".git"
        if marker.exists():
            root, identity = _checkout_of(directory, marker)
            break
    configured = environ.get("ANIMUS_CONFIG_DIR")
    config_dir = Path(configured).absolute() if configured else Path(environ.get("HOME") or Path.home()) / ".animus"
    scope = repo_scope_of(identity)
    return Project(root, scope, config_dir / scope, config_dir)


def repo_scope_of(path: Path) -> str:
    """The name of the state directory of the project at the canonical `path`."""
    slug = _NOT_IN_SLUG.sub("-", path.name.lower()).strip("-") or "project"
    return f"{slug}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:_SCOPE_DIGITS]}"


def _checkout_of(directory: Path, marker: Path) -> tuple[Path, Path]:
    """The root and the identity of a checkout; a ``.git`` file with a common directory is a linked worktree."""
    if marker.is_dir():
        return directory, directory
    text = marker.read_text(encoding="utf-8", errors="replace").strip()
    private = (directory / text.removeprefix("gitdir:").strip()).resolve()
    try:
        common = (private / "commondir").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return directory, directory  # a submodule: a project of its own
    shared = (private / common).resolve()
    if shared.name == ".git":
        return shared.parent, shared.parent
    return directory, shared  # worktrees of a bare repository share its scope; each is its own root
