"""Pages as data: their blocks, and a shell that types the commands of a page into a project of its own."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 180.0
SETTLE_SECONDS = 60.0
_BLOCK = re.compile(
    r"^(?:<!-- (?P<key>\w+): (?P<value>\S+) -->\n)?```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_MOVING = frozenset({"pending", "running"})


class Block(NamedTuple):
    """A fenced block; `notes` is what the HTML comment above it says (``file: NAME``, ``exit: CODE``, ...)."""

    language: str
    text: str
    line: int
    notes: dict[str, str]


class Typed(NamedTuple):
    """A command of a page and what it said, standard error after standard output."""

    command: str
    code: int
    output: str


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            match["language"],
            match["text"],
            text.count("\n", 0, match.start()) + 1,
            {match["key"]: match["value"]} if match["key"] else {},
        )
        for match in _BLOCK.finditer(text)
    ]


def commands_of(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines of output below it."""
    commands: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append((line.removeprefix("$ "), []))
        else:
            commands[-1][1].append(line)
    return commands


def missing_line(expected: list[str], output: str) -> str | None:
    """The first expected line that does not occur in the output in this order.

    ``...`` stands for anything, and so does the width of a gap: columns are as wide as what is in them.
    """
    lines = iter([" ".join(line.split()) for line in output.splitlines()])
    for line in (line for line in expected if line.strip() not in {"", "..."}):
        words = " ".join(line.split())
        pattern = re.compile(".*".join(re.escape(part) for part in words.split("...")))
        if not any(pattern.fullmatch(actual) for actual in lines):
            return line
    return None


class Shell:
    """A git project of its own, and somebody who types."""

    def __init__(self, root: Path, config: Path, fork: Callable[..., Any] | None) -> None:
        self.root = root
        self._fork = fork
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(config.parent),
            "ANIMUS_CONFIG_DIR": str(config),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }

    def type(self, command: str) -> Typed:
        """Run one line in a shell; ``RUN`` and ``BRANCH`` are the newest run's, and a run under way is waited for."""
        if "RUN" in command or "BRANCH" in command or command.startswith(("git log", "animus daemon stop")):
            self._settle()
        run = self._newest() if "RUN" in command or "BRANCH" in command else {}
        filled = command.replace("RUN", run.get("id", "RUN"))
        if "BRANCH" in filled:
            filled = filled.replace("BRANCH", self._data("workflow", "get", run["id"])["detail"]["branch"])
        done = subprocess.run(
            ["sh", "-c", filled], cwd=self.root, env=self.environ, capture_output=True, text=True, check=False,
            timeout=COMMAND_SECONDS,
        )  # fmt: skip
        return Typed(filled, done.returncode, done.stdout + done.stderr)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def close(self) -> None:
        """End the daemon, whatever became of the page."""
        subprocess.run(
            ["animus", "daemon", "stop"], cwd=self.root, env=self.environ, capture_output=True, check=False,
            timeout=COMMAND_SECONDS,
        )  # fmt: skip

    def _data(self, *words: str) -> Any:
        if self._fork is None or "PYTHONPATH" in self.environ:
            done = subprocess.run(
                ["animus", *words, "--json"], cwd=self.root, env=self.environ, capture_output=True, text=True,
                check=False, timeout=COMMAND_SECONDS,
            )  # fmt: skip
            return json.loads(done.stdout)["data"] if done.returncode == 0 else {}
        process = self._fork([*words, "--json"], self.root, self.environ)
        out, _ = process.read_to_the_end(COMMAND_SECONDS)
        return json.loads(out)["data"] if process.wait(COMMAND_SECONDS) == 0 else {}

    def _newest(self) -> dict[str, Any]:
        return next(iter(self._data("workflow", "list").get("runs", [])), {})

    def _settle(self) -> None:
        """Wait until nothing moves: whatever is on the queue is held or belongs to a run that waits."""

        def still() -> bool:
            runs = {run["id"]: run["status"] for run in self._data("workflow", "list").get("runs", [])}
            entries = self._data("queue", "list").get("entries", [])
            under_way = [entry for entry in entries if entry["status"] != "held"]
            waiting = all(runs.get(entry.get("workflow_id")) == "paused" for entry in under_way)
            return bool(runs) and waiting and not _MOVING.intersection(runs.values())

        _wait_until(still, "the runs of the page to end or to wait")


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {SETTLE_SECONDS} s: {what}")
        time.sleep(0.05)  # the only sleep: another process's progress is watched from outside


@pytest.fixture
def shell(
    tmp_path: Path, fork_server: Callable[..., Callable[..., Any] | None], know_plugins: Callable[[Path], None]
) -> Iterator[Shell]:
    if shutil.which("git") is None:
        pytest.skip("git is not installed, and the page works in a git repository")
    root = tmp_path / "greet"
    root.mkdir()
    typist = Shell(root, tmp_path / "home" / "a", fork_server("animus_cli.__main__:main", "animus_cli.program"))
    know_plugins(tmp_path / "home" / "a")
    yield typist
    typist.close()


@pytest.fixture
def blocks() -> Callable[[str], list[Block]]:
    """The blocks of a page, named from the root of the repository."""
    return functools.cache(lambda name: blocks_of(ROOT / name))


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def page_text() -> Callable[[str], str]:
    """A page, named from the root of the repository."""
    return lambda name: (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def commands() -> Callable[[Block], list[tuple[str, list[str]]]]:
    return commands_of


@pytest.fixture
def missing() -> Callable[[list[str], str], str | None]:
    return missing_line
