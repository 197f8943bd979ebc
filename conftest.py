"""What every test in the workspace shares: its tier, hypothesis profiles, and distance from the real home."""

import contextlib
import functools
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, settings

# The everyday profile tries the same examples in every run: what somebody changed is judged by it, not by chance.
# The thorough one goes looking.
settings.register_profile(
    "quick", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A shell that runs this in the background has it ignore Ctrl-C, and every program that it starts: tests send it.
for _number in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number is signal.SIGINT else signal.SIG_DFL)

_TIERS = ("unit", "ci", "soak")
_FORK_SERVER = Path(__file__).parent / "tests" / "fork_server.py"
_FORK_SECONDS = 60.0
_READ_BYTES = 65_536


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test without a tier is a unit test."""
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in _TIERS):
            item.add_marker(pytest.mark.unit)


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names for homes in a folder of their own: a numbered directory is made by listing all that there are."""
    folder = tmp_path_factory.mktemp("h", numbered=False)  # short: sockets lie below it
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _far_from_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the real home, the user's git settings or a surrounding daemon's variables."""
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(home / "a"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    kept = {"ANIMUS_CONFIG_DIR", "ANIMUS_CORPUS", "ANIMUS_TEST_CLAUDE", "ANIMUS_TEST_CODEX"}
    for name in [name for name in os.environ if name.startswith("ANIMUS_") and name not in kept]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANIMUS_CONFORMANCE_PATIENCE", "20")  # its bounds are those of a machine that does nothing else


class Forked:
    """A process that a fork server started; what tests use of ``Popen``."""

    def __init__(self, requests: socket.socket, words: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> None:
        (stdin, own_in), (own_out, stdout), (own_err, stderr), (self._status, status) = (os.pipe() for _ in range(4))
        body = json.dumps({"words": words, "cwd": str(cwd), "environ": dict(environ)}).encode()
        socket.send_fds(requests, [body], [stdin, stdout, stderr, status])
        for descriptor in (stdin, stdout, stderr, status):
            os.close(descriptor)
        self.stdin: IO[bytes] = os.fdopen(own_in, "wb")
        self.stdout: IO[bytes] = os.fdopen(own_out, "rb")
        self.stderr: IO[bytes] = os.fdopen(own_err, "rb")
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self.pid = self._number(_FORK_SECONDS)

    def _number(self, timeout: float) -> int:
        if not select.select([self._status], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked program", timeout)
        line = b""
        while not line.endswith(b"\n"):
            piece = os.read(self._status, 1)
            if not piece:
                raise ConnectionError("the fork server is gone")
            line += piece
        return int(line)

    def wait(self, timeout: float) -> int:
        """Its exit code, negative for a signal; TimeoutExpired if it has not ended within `timeout` seconds."""
        with self._lock:
            if self.returncode is None:
                self.returncode = self._number(timeout)
                os.close(self._status)
            return self.returncode

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def kill(self) -> None:
        """End it where it stands."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def read_to_the_end(self, timeout: float) -> tuple[str, str]:
        """Nothing on standard input; all of standard output and standard error, until nobody holds them any more."""
        self.stdin.close()
        deadline = time.monotonic() + timeout
        texts = {self.stdout: b"", self.stderr: b""}
        unread = list(texts)
        while unread:
            ready = select.select(unread, [], [], max(0.0, deadline - time.monotonic()))[0]
            if not ready:
                self.kill()
                raise subprocess.TimeoutExpired("a forked program", timeout, *texts.values())
            for stream in ready:
                piece = os.read(stream.fileno(), _READ_BYTES)
                texts[stream] += piece
                if not piece:
                    unread.remove(stream)
                    stream.close()
        out, err = (text.decode() for text in texts.values())
        return out, err


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Callable[..., Callable[..., Forked] | None]]:
    """Makes starters of a program: ``fork_server("package.__main__:main", "package.module")(words, cwd, environ)``.

    Importing a program is most of what a start of it costs. Where a test starts a program again and again, and is not
    about its start, the program and the modules that are named are imported once, and every start is a fork of that: a
    process of its own in everything else. None where there is no such thing (elsewhere than on Linux).
    """
    with contextlib.ExitStack() as ended:

        @functools.cache
        def serve(program: str, *modules: str) -> Callable[..., Forked] | None:
            if not hasattr(os, "pidfd_open"):
                return None
            requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            server = subprocess.Popen(
                [sys.executable, "-P", str(_FORK_SERVER), str(theirs.fileno()), program, *modules],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
            theirs.close()
            ended.callback(server.wait, _FORK_SECONDS)
            ended.enter_context(requests)
            return functools.partial(Forked, requests)

        yield serve


@pytest.fixture(scope="session")
def know_plugins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Gives a configuration directory the manifests of what is installed, as every command but the first finds it.

    Asking every plugin takes longer than what most tests are about. Tests of the discovery and the tutorials
    begin with nothing.
    """
    asked = tmp_path_factory.mktemp("asked", numbered=False)

    @functools.cache
    def manifests() -> Path:
        from animus_plugin_runtime.discovery import discover  # noqa: PLC0415 - not installed beside every package

        discover(None, asked, {})
        (asked / "cache").mkdir(exist_ok=True)
        return asked / "cache"

    def know(config_dir: Path) -> None:
        shutil.copytree(manifests(), config_dir / "cache", dirs_exist_ok=True)

    return know
