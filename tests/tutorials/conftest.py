"""A tutorial is a test: its commands are run and its files are written in the order of the page.

What a page can say, all of it in plain Markdown:

* A ``console`` block. Lines that begin with ``$ `` are commands, ``> `` continues one, and the other lines are what
  has to be printed: each of them below the one before it, with other lines allowed where the page has ``...``. Inside
  a line ``...`` stands for any text. A command has to exit with 0.
* Any other block below a paragraph that ends in "`path`:" is a file that is written.
* ``RUN`` in a command is the run that was last named in the output.

A command that only looks is repeated, bounded, until it shows what the page says: so would a reader do.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 600.0
"""No command of a tutorial takes longer."""

LOOK_SECONDS = 180.0
"""How long a page may be ahead of the daemon."""
LOOKING = (
    "animus workflow get ",
    "animus workflow list",
    "animus status",
    "animus subject get ",
    "animus queue ",
    "git log ",
)

_REACHES_THE_INDEX = re.compile(r"PIP_|.*_CERT_FILE$|.*_PROXY$", re.IGNORECASE)
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([^`\n]+)`:\s*\Z")
_RUN = re.compile(r"\brun-[0-9a-f]{16}\b")


class Command(NamedTuple):
    line: int
    text: str
    expected: list[str]


class File(NamedTuple):
    line: int
    path: str
    text: str


def steps_of(page: str) -> list[Command | File]:
    """The commands and files of a page, in its order."""
    steps: list[Command | File] = []
    for block in _BLOCK.finditer(page):
        line = page.count("\n", 0, block.start()) + 1
        text = textwrap.dedent(block[3])
        named = _FILE.search(page[: block.start()])
        if block[2] == "console":
            steps += _commands(line, text)
        elif named is not None:
            steps.append(File(line, named[1], text))
        else:
            raise AssertionError(f"line {line}: a block that is neither a console block nor a file")
    return steps


def _commands(first_line: int, text: str) -> list[Command]:
    commands: list[Command] = []
    for number, line in enumerate(text.splitlines(), first_line + 1):
        if line.startswith("$ "):
            commands.append(Command(number, line[2:], []))
        elif line.startswith("> ") and commands and not commands[-1].expected:
            commands[-1] = commands[-1]._replace(text=f"{commands[-1].text}\n{line[2:]}")
        else:
            assert commands, f"line {number}: output before the first command"
            commands[-1].expected.append(line)
    return commands


def pattern_of(expected: list[str]) -> re.Pattern[str]:
    """What the output has to match. Blank lines, the ends of lines and the width of columns do not count."""
    lines = []
    for line in filter(None, (line.strip() for line in expected)):
        if line == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            parts = (r"\s+".join(re.escape(word) for word in re.split(r"\s+", part)) for part in line.split("..."))
            lines.append(r"[ \t]*" + ".*?".join(parts) + r"\n")
    return re.compile("".join(lines))


class Reader:
    """Somebody who does what a page says, in one shell and one folder.

    Attributes:
        place: the folder the reader started in.
        home: the reader's home.
    """

    def __init__(self, place: Path, home: Path) -> None:
        self.place = place
        self.home = home
        self.run = "RUN"
        self._state = home / ".shell-state"
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "ANIMUS_CONFIG_DIR": str(home / ".animus"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "TAR_OPTIONS": "--no-same-owner",
            "COLUMNS": "120",
        } | {name: os.environ[name] for name in os.environ if _REACHES_THE_INDEX.match(name)}
        (home / ".gitconfig").write_text("[user]\n\tname = Somebody\n\temail = somebody@localhost\n")

    def follow(self, page: str) -> None:
        """Do all of the page in `docs/tutorials`, or fail at the line that does not do what it says."""
        for step in steps_of((ROOT / "docs/tutorials" / page).read_text(encoding="utf-8")):
            if isinstance(step, File):
                path = self.cwd / step.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text, encoding="utf-8")
            else:
                self._obey(page, step)

    def _obey(self, page: str, step: Command) -> None:
        command = re.sub(r"\bRUN\b", self.run, step.text)
        deadline = time.monotonic() + (LOOK_SECONDS if command.startswith(LOOKING) else 0.0)
        while complaint := self._complaint(command, step.expected):
            if time.monotonic() > deadline:
                raise AssertionError(f"docs/tutorials/{page}:{step.line}: $ {step.text}\n{complaint}")
            time.sleep(0.1)  # what the daemon does is only seen by looking again

    def _complaint(self, command: str, expected: list[str]) -> str | None:
        """Do what the page says; why it is not as the page says, or None."""
        done = self.shell(command)
        printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines() if line.strip())
        if done.returncode != 0:
            return f"exit code {done.returncode}\n{printed}"
        self.run = (_RUN.findall(printed) or [self.run])[-1]
        if any(line.strip() for line in expected) and not pattern_of(expected).fullmatch(printed):
            return "\n".join(["printed", printed, "instead of", *expected])
        return None

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the one before it left off: same folder, same exported variables."""
        state = self._state
        script = (
            f'[ -e "{state}" ] && . "{state}"\n{command}\nstatus=$?\n'
            f'{{ export -p; printf "cd %q\\n" "$PWD"; }} > "{state}"\nexit $status\n'
        )
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.place, env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip

    def ask(self, command: str) -> str:
        """What a command that works prints."""
        done = self.shell(command)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout.strip()

    @property
    def cwd(self) -> Path:
        return Path(self.ask("pwd"))

    def processes(self) -> dict[int, str]:
        """Every process that works for this reader's projects, by pid."""
        marker = f"ANIMUS_CONFIG_DIR={self.environ['ANIMUS_CONFIG_DIR']}".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
        return found


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader in an empty folder; a page that leaves a process running fails."""
    for program in ("git", "bash"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the tutorials need it")
    (tmp_path / "h").mkdir()
    (tmp_path / "w").mkdir()
    made = Reader(tmp_path / "w", tmp_path / "h")
    yield made
    left = made.processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"the tutorial left processes running: {left}"


@pytest.fixture
def need() -> Callable[..., None]:
    """In the `ci` tier a missing program is a failure, not a skip."""

    def check(*programs: str) -> None:
        missing = [program for program in programs if shutil.which(program) is None]
        assert not missing, f"install {', '.join(missing)}: .ci/run does so"

    return check
