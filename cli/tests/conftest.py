"""What the tests of the command line share: the command as a real process, and projects to run it in."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from animus_plugin_runtime.entry_points import entry_points

COMMAND_SECONDS = 180.0
"""No command of a test takes longer."""
PROGRAM = (
    "animus_cli.__main__:main",
    "animus_cli.program",
    "animus_cli.tree",
    "animus_composition.assembly",
    "animus_control.client",
    "animus_kernel.kernel",
    "animus_kernel.serving.session",
)
"""The command, and what most of its commands import. Its start from nothing is tested by its start-up tests."""


class Answer(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The data of a success envelope."""
        envelope = json.loads(self.out)
        assert envelope["schema"] == "animus.cli.v1"
        assert envelope["ok"] is True
        return envelope["data"]

    @property
    def error(self) -> Any:
        """The error of a failure envelope, which is the only thing on standard error."""
        envelope = json.loads(self.err)
        assert envelope["schema"] == "animus.cli.v1"
        assert envelope["ok"] is False
        return envelope["error"]


Animus = Callable[..., Answer]
ForkServer = Callable[..., Callable[..., Any] | None]


@pytest.fixture
def home(know_plugins: Callable[[Path], None]) -> Iterator[Path]:
    """A short ANIMUS_CONFIG_DIR: sockets lie below it, and their paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix="ah-"))
    know_plugins(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def _environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return kept | {"ANIMUS_CONFIG_DIR": str(home), "HOME": str(home)}


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """The environment of commands: nothing of the user's own."""
    return _environment(home)


@pytest.fixture
def animus(project: Path, environment: dict[str, str], fork_server: ForkServer) -> Animus:
    """Runs ``animus`` in the project: ``animus("queue", "list", "--json")``."""
    return _animus_in(project, environment, fork_server)


@pytest.fixture
def animus_anew(project: Path, environment: dict[str, str]) -> Animus:
    """Runs ``animus`` from nothing, for tests about what it imports and from where."""
    return _animus_in(project, environment, lambda *_: None)


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory,
    flavor: None,
    fork_server: ForkServer,
    know_plugins: Callable[[Path], None],
) -> Iterator[Callable[[str], Animus]]:
    """Starts one daemon for the module in a project with the given workflows; for tests that do not disturb it."""
    home = Path(tempfile.mkdtemp(prefix="ah-"))
    know_plugins(home)
    project = tmp_path_factory.mktemp("shared")
    animus = _animus_in(project, _environment(home), fork_server)

    def serve(workflows: str) -> Animus:
        (project / ".animus").mkdir()
        (project / ".animus" / "workflows.yaml").write_text(workflows)
        assert animus("daemon", "start").code == 0
        return animus

    yield serve
    animus("daemon", "stop")
    shutil.rmtree(home, ignore_errors=True)


def _animus_in(project: Path, environment: dict[str, str], fork_server: ForkServer) -> Animus:
    fork = fork_server(*PROGRAM)

    def run(*words: str, cwd: Path | None = None, **extra: str) -> Answer:
        given = environment | extra
        if fork is not None and not any(name.startswith("PYTHON") for name in given):  # Python reads them as it starts
            process = fork(words, project if cwd is None else cwd, given)
            out, err = process.read_to_the_end(COMMAND_SECONDS)
            return Answer(process.wait(COMMAND_SECONDS), out, err)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "animus_cli", *words],
            cwd=project if cwd is None else cwd,
            env=given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
            text=True,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def flavor() -> None:
    """For tests that run work: skipped where this package stands alone, without any plugin."""
    if not any(entry.name == "default" for entry in entry_points("animus.flavors")):
        pytest.skip("the flavor 'default' is not installed, so there are no plugins to run work with")


@pytest.fixture
def git() -> Callable[..., None]:
    """Runs git in a folder; a test that asks for it is skipped where git is missing."""
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH")

    def run(cwd: Path, *words: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t.invalid", *words],
            cwd=cwd,
            env=environment,
            check=True,
            capture_output=True,
            timeout=COMMAND_SECONDS,
        )

    return run
