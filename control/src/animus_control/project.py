"""Which project is meant and where its state lies.

The project is the version-controlled checkout around the current directory; linked worktrees belong to their main
checkout. State is kept outside the project, in a directory named after it and its canonical path.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from animus_control.location import checkout_of, config_dir_of, scope_of

__all__ = ["Project", "find_project", "repo_scope_of"]


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

    @property
    def audit_path(self) -> Path:
        """Who changed what, as a chain."""
        return self.state_dir / "audit.jsonl"

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
    root, identity = checkout_of(str(start.resolve()))
    config_dir = Path(config_dir_of(environ))
    scope = scope_of(identity)
    return Project(Path(root), scope, config_dir / scope, config_dir)


def repo_scope_of(path: Path) -> str:
    """The name of the state directory of the project at the canonical `path`."""
    return scope_of(str(path))
