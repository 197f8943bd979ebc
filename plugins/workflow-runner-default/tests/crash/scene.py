"""A project with one run on it, the runners that work on it one after the other, and what they leave."""

import atexit
import contextlib
import functools
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[3]
RUN = "k1"
KEPT = {"PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH"}
MOST_STEPS = 12
SURVIVOR_SECONDS = 60.0


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONFTEST = _load("runner_conftest", FOLDER.parent / "conftest.py")
FLOWS = _load("runner_flows", FOLDER / "flows.py")
ROOT_CONFTEST = _load("root_conftest", ROOT / "conftest.py")
FORK_SERVER = ROOT / "tests" / "fork_server.py"


class Program:
    """Starts one program: by forks of a process that has imported it, or where that cannot be, from nothing.

    A start from nothing takes longer than what is done with the process.
    """

    def __init__(self, words: list[str], main: str) -> None:
        self._words, self._main = words, main

    def start(self, words: list[str], environ: dict[str, str]) -> Any:
        if self._fork is not None:
            return self._fork(words, Path.cwd(), environ)
        return subprocess.Popen(
            [sys.executable, "-P", *self._words, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ,
        )  # fmt: skip

    @functools.cached_property
    def _fork(self) -> Any:
        if not hasattr(os, "pidfd_open"):
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        searched = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
        with theirs:
            server = subprocess.Popen(
                [sys.executable, "-P", str(FORK_SERVER), str(theirs.fileno()), self._main, *CONFTEST.PROGRAM[1:]],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(searched)},
            )
        atexit.register(_end, ours, server)
        return functools.partial(ROOT_CONFTEST.Forked, ours)


def _end(requests: socket.socket, server: "subprocess.Popen[bytes]") -> None:
    """The server ends when nobody can ask it any more."""
    requests.close()
    server.wait(CONFTEST.EXIT_SECONDS)


PLAIN = Program(["-m", "animus_workflow_runner_default"], "animus_workflow_runner_default.__main__:main")
FAILING = Program([str(FOLDER / "failing_runner.py")], "failing_runner:main")


class Scene:
    """One project, one run, and the runners that work on it one after the other."""

    def __init__(self, folder: Path, flow: str, idempotency: str) -> None:
        self.flow = FLOWS.FLOWS[flow]
        self.project, self.state_dir, self.notes = folder / "p", folder / "s", folder / "notes"
        self.ledger = self.project / "ledger.log"
        (self.project / ".animus").mkdir(parents=True)
        text = self.flow.text.replace("IDEMPOTENCY", idempotency)
        (self.project / ".animus" / "workflows.yaml").write_text(text)
        kept = {name: value for name, value in os.environ.items() if name in KEPT}
        self.environ = kept | {"HOME": str(folder), "ANIMUS_CONFIG_DIR": str(folder / "a"), "GIT_CONFIG_NOSYSTEM": "1"}
        if self.flow.needs_git:
            self._make_repository()
        self.hosts: list[Any] = []

    def _make_repository(self) -> None:
        (self.project / ".gitignore").write_text("*.log\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", "first")

    def git(self, *arguments: str) -> str:
        words = ["git", "-c", "user.name=U", "-c", "user.email=u@x", *arguments]
        done = subprocess.run(words, cwd=self.project, env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def start(self, number: int | None) -> Any:
        """A runner; with a number one that dies at that point."""
        words = [] if number is None else [str(number), str(self.notes)]
        process = (PLAIN if number is None else FAILING).start(words, self.environ)
        host = CONFTEST.Host(process, self.project, self.state_dir)
        host.on_host_call = FLOWS.ScriptedProvider(self.flow, self.ledger, host, CONFTEST.agent_result)
        self.hosts.append(host)
        return host

    def effects(self) -> Counter[str]:
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return Counter(lines)

    def passed(self) -> list[str]:
        """The names of the points the runner came to, in order."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def stop(self) -> None:
        for host in self.hosts:
            if host.process.poll() is None:
                host.close()
            else:
                host._join()

    def survivors(self) -> list[int]:
        marker = f"ANIMUS_CONFIG_DIR={self.environ['ANIMUS_CONFIG_DIR']}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found


def drive(host: Any, parked: list[dict[str, Any]]) -> str:
    """Take the run to its end: execute, answer gates, let what is parked begin again; its status."""
    result = host.execute("w", workflow_id=RUN)
    for _ in range(MOST_STEPS):
        if result["workflow_status"] != "paused":
            return str(result["workflow_status"])
        waiting = result["waiting"]
        if waiting["kind"] == "gate":
            host.signal(RUN, "approve", note="fine")
        else:
            parked.append(waiting)
            host.signal(RUN, "resume", force=True)
        result = host.call("workflow/execute", {"workflow_id": RUN})
    return "never"


def rows_of(host: Any) -> list[dict[str, Any]]:
    return host.call("workflow/inspect", {"what": "run", "workflow_id": RUN})["value"]["attempts"]


def brief(rows: list[dict[str, Any]]) -> list[tuple[str, int, str, str | None]]:
    return [(row["path"], row["attempt"], row["status"], (row.get("decision") or {}).get("verdict")) for row in rows]


def left_behind(scene: Scene) -> list[str]:
    deadline = time.monotonic() + SURVIVOR_SECONDS
    while (pids := scene.survivors()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    records = list((scene.state_dir / "processes").glob("*.json"))
    return [f"{len(pids)} processes survive"] * bool(pids) + [f"{len(records)} records stay"] * bool(records)
