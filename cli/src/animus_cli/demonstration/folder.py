"""The demo's folder: a git repository with the project, the agent beside it, and a home of its own for Animus.

Nothing outside the folder is read or written: git gets no configuration but the repository's own, Animus gets its
state directory by ANIMUS_CONFIG_DIR. The folder's name is short because sockets below it have short paths.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from animus_cli.failure import CommandError

__all__ = ["DemoFolder", "fill", "git_environment", "new_folder", "remove_folder", "require_git", "run_tests"]

GIT_SECONDS = 30.0
"""How long one git command may take."""
_REMOVE_TRIES = 5
_REPOSITORY_SETTINGS = {
    "user.name": "Animus demo",
    "user.email": "demo@animus.invalid",
    "commit.gpgsign": "false",
    "tag.gpgsign": "false",
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "gc.auto": "0",
}
_NO_DOT = {"gitignore": ".gitignore"}


class DemoFolder:
    """Where everything of one demo lies.

    Attributes:
        root: the temporary folder itself.
        project: the repository in it.
        home: what ``~/.animus`` is for the demo.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "roman"
        self.home = root / "h"
        self.agent = root / "agent.py"

    def git(self, *arguments: str) -> str:
        """Run git in the project and return what it printed.

        Raises:
            CommandError: it failed or took too long.
        """
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.project,
                env=git_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CommandError("unavailable", f"git {arguments[0]} did not end within {GIT_SECONDS:.0f} s") from None
        if done.returncode != 0:
            text = done.stderr.decode(errors="replace").strip()
            raise CommandError("unavailable", f"git {' '.join(arguments)} failed in {str(self.project)!r}: {text}")
        return done.stdout.decode(errors="replace").rstrip()


def git_environment() -> dict[str, str]:
    """The environment for git: no variable of a surrounding repository, no configuration of the user or the system."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return environment | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def require_git() -> None:
    """Check that git is there.

    Raises:
        CommandError: it is not.
    """
    if shutil.which("git") is None:
        raise CommandError(
            "unavailable",
            "git is not on PATH, and the demo works in a git repository",
            next_step="install git, then run: animus demo",
        )


def new_folder() -> DemoFolder:
    """A folder that does not exist yet; `fill` makes it, `remove_folder` removes it."""
    return DemoFolder(Path(tempfile.gettempdir()).resolve() / f"animus-demo-{secrets.token_hex(4)}")


def fill(folder: DemoFolder) -> None:
    """Make the folder with the project, its first commit, and the agent."""
    folder.root.mkdir(mode=0o700)
    folder.home.mkdir(mode=0o700)
    data = resources.files("animus_cli.demonstration") / "data"
    values = {"@PYTHON@": json.dumps(sys.executable), "@AGENT@": json.dumps(str(folder.agent))}
    _copy(data / "project", folder.project, values)
    folder.agent.write_text((data / "agent.py.txt").read_text(encoding="utf-8"), encoding="utf-8")
    folder.git("init", "--quiet", "--template=", "--initial-branch=main")
    for name, value in _REPOSITORY_SETTINGS.items():
        folder.git("config", name, value)
    folder.git("add", "--all")
    folder.git("commit", "--quiet", "--message", "Roman numerals")


def remove_folder(folder: DemoFolder) -> None:
    """Remove the folder; processes that are about to end may still write into it, so this is tried a few times."""
    for _ in range(_REMOVE_TRIES):
        shutil.rmtree(folder.root, ignore_errors=True)
        if not folder.root.exists():
            return


def _copy(source: Traversable, target: Path, values: dict[str, str]) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name, values)
            continue
        name = entry.name.removesuffix(".txt")
        text = entry.read_text(encoding="utf-8")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        (target / _NO_DOT.get(name, name)).write_text(text, encoding="utf-8")


def run_tests(folder: DemoFolder, *, seconds: float = GIT_SECONDS) -> Sequence[str]:
    """What the project's tests say, line by line."""
    done = subprocess.run(
        [sys.executable, "-m", "unittest"],
        cwd=folder.project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return done.stderr.decode(errors="replace").splitlines()
