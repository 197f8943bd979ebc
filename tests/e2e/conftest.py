"""A real project, the real command, the real plugins: nothing here is a double."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

BOUND_SECONDS = 180.0
"""Far above what anything here takes on a loaded machine."""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)["data"]

    @property
    def error(self) -> Any:
        return json.loads(self.err.strip().splitlines()[-1])["error"]


def wait_until(condition: Callable[[], Any], *, what: str, seconds: float = BOUND_SECONDS) -> Any:
    """Wait, bounded, for something another process does; there is no clock to drive there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)  # the only sleep: another process's progress is watched from outside
    raise AssertionError(f"not within {seconds} s: {what}")


class Project:
    """A git repository with its own state directory, and the `animus` command in it."""

    def __init__(self, root: Path, config: Path, fork: Callable[..., Any] | None) -> None:
        self.root = root
        self.config = config
        self._fork = fork
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(config.parent),
            "ANIMUS_CONFIG_DIR": str(config),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def animus(self, *words: str, timeout: float = BOUND_SECONDS) -> Done:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "animus"), *words],
            cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str, timeout: float = BOUND_SECONDS) -> Any:
        done = self.animus(*words, "--json", timeout=timeout)
        assert done.code == 0, done.err or done.out
        return done.data

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.root, env=self.environ, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def workflows(self, text: str) -> None:
        self.write(".animus/workflows.yaml", text)

    def look(self, *words: str) -> Done:
        """The command again and again, without its start from nothing."""
        if self._fork is None:
            return self.animus(*words)
        process = self._fork(words, self.root, self.environ)
        out, err = process.read_to_the_end(BOUND_SECONDS)
        return Done(process.wait(BOUND_SECONDS), out, err)

    def ask(self, *words: str) -> Any:
        """The data of a command that works, asked for in this way where it is asked for often."""
        done = self.look(*words, "--json")
        assert done.code == 0, done.err or done.out
        return done.data

    def run_status(self, run: str) -> str:
        return str(self.json("workflow", "get", run)["status"])

    def wait_for_status(self, run: str, *statuses: str) -> Any:
        def reached() -> Any:
            got = self.look("workflow", "get", run, "--json")
            return got.data if got.code == 0 and got.data["status"] in statuses else None

        return wait_until(reached, what=f"run {run} reaching {statuses}")

    @property
    def state_dir(self) -> Path:
        return next(path.parent for path in self.config.glob("*/logs"))

    def processes(self) -> dict[int, str]:
        """Every process that works for this project, by pid: they all carry its configuration directory."""
        marker = f"ANIMUS_CONFIG_DIR={self.config}".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
        return found

    def only_process(self, word: str) -> int:
        """The one process whose command line contains `word`."""

        def found() -> list[int] | None:
            # A process that starts another one is two of the same command line for a moment.
            pids = [pid for pid, line in self.processes().items() if word in line]
            return pids if len(pids) == 1 else None

        [pid] = wait_until(found, what=f"one process of {word!r} among {self.processes()}")
        return int(pid)

    def kill(self, word: str) -> int:
        """SIGKILL the one process whose command line contains `word`."""
        pid = self.only_process(word)
        os.kill(pid, signal.SIGKILL)
        return pid


@contextlib.contextmanager
def _project(folder: Path, fork: Callable[..., Any] | None, know_plugins: Callable[[Path], None]) -> Iterator[Project]:
    if shutil.which("git") is None:
        pytest.skip("git is not installed: run worktrees need it")
    root = folder / "p"
    root.mkdir()
    made = Project(root, folder / "a", fork)
    know_plugins(made.config)
    made.git("init", "-q", "-b", "main", ".")
    made.git("config", "user.name", "Somebody")
    made.git("config", "user.email", "somebody@localhost")
    made.write("README.md", "a project\n")
    made.git("add", "-A")
    made.git("commit", "-qm", "a project")
    yield made
    stopped = made.animus("daemon", "stop")
    left = made.processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"processes survived the daemon's stop: {left}; it said {stopped}"


@pytest.fixture
def project(
    tmp_path: Path, fork_server: Callable[..., Callable[..., Any] | None], know_plugins: Callable[[Path], None]
) -> Iterator[Project]:
    with _project(tmp_path, fork_server("animus_cli.__main__:main", "animus_cli.program"), know_plugins) as made:
        yield made


@pytest.fixture(scope="module")
def shared_project(
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: Callable[..., Callable[..., Any] | None],
    know_plugins: Callable[[Path], None],
) -> Iterator[Project]:
    """One project for all tests of a module; they leave it as they found it."""
    fork = fork_server("animus_cli.__main__:main", "animus_cli.program")
    with _project(tmp_path_factory.mktemp("shared"), fork, know_plugins) as made:
        yield made


@pytest.fixture(scope="session", name="wait_until")
def _wait_until() -> Callable[..., Any]:
    return wait_until
