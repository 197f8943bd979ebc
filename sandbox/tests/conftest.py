"""A machine to attack, a server to reach, and sandboxes around the programs that try."""

import http.client
import http.server
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from animus_sandbox import Limits, Route, Sandbox, SandboxSpec, Secret, Upstream, program_mounts, require_bubblewrap

WAIT_SECONDS = 60
KEY = f"sk-real-{os.urandom(12).hex()}"  # in no file: one of the attacks reads all of them, these tests too
LIMITS = Limits(memory_bytes=256 * 1024**2, processes=40, open_files=64, tmp_bytes=4 * 1024**2)
TESTS = Path(__file__).parent


def pytest_generate_tests(metafunc):
    if "attack" in metafunc.fixturenames:
        rows = tomllib.loads((TESTS / "attacks.toml").read_text())
        metafunc.parametrize("attack", [{"name": name, **row} for name, row in rows.items()], ids=list(rows))


class Server(http.server.ThreadingHTTPServer):
    """A model's server: keeps what it was asked, answers as its script says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked = queue.SimpleQueue()
        self.answer = lambda asked: asked.reply(200, b"{}")
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Asked(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Say nothing."""

    def reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _ask(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.put((self.command, self.path, self.headers, body))
        self.server.answer(self)

    do_GET = do_POST = do_HEAD = _ask  # noqa: N815 - http.server's names


@pytest.fixture
def real_key() -> str:
    """What the broker adds outside."""
    return KEY


@pytest.fixture
def server():
    with Server() as server:
        yield server
        server.shutdown()


@pytest.fixture
def upstream(server):
    return Upstream(
        f"{server.url}/v1", (Route("POST", "/messages"), Route("GET", "/models/*")), Secret(KEY), idle_seconds=20
    )


@pytest.fixture
def ask():
    """Asks over a unix socket, and answers with the response."""
    opened = []

    def ask(path, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", timeout=WAIT_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(WAIT_SECONDS)
        connection.sock.connect(str(path))
        opened.append(connection)
        connection.request(method, target, body, headers or {})
        return connection.getresponse()

    yield ask
    for connection in opened:
        connection.close()


def git(folder, *words):
    names = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, env=os.environ | names)


@pytest.fixture
def repository(tmp_path):
    try:
        subprocess.run(["git", "--version"], check=True, capture_output=True)
    except OSError:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "remote.origin.url", "https://user:remote-password@example.invalid/x.git")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", "a.txt")
    git(folder, "commit", "-qm", "the first")
    return folder


@pytest.fixture
def worktree(repository, tmp_path):
    folder = tmp_path / "state" / "worktrees" / "w1"
    git(repository, "worktree", "add", "-q", "-b", "w1", str(folder))
    return folder


@pytest.fixture
def bubblewrap():
    return require_bubblewrap()


@pytest.fixture
def victim():
    """A process of the host's, with a secret in its environment."""
    program = "import os, signal; os.write(1, b'x'); signal.pause()"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program], env={"HOST_SECRET": "x"}, stdout=subprocess.PIPE
    ) as process:
        process.stdout.read(1)
        yield process
        process.kill()


@pytest.fixture
def terminal():
    """The far end of a terminal, for programs to have as standard input."""
    near, far = os.openpty()
    yield far
    os.close(near)
    os.close(far)


@pytest.fixture
def facts(tmp_path, worktree, repository, victim, server):
    """What the attacks aim at. The control socket, the listening port and the home are real."""
    home = Path(os.environ["HOME"])
    (home / ".ssh").mkdir()
    for name in ("notes.txt", ".ssh/id_ed25519"):
        (home / name).write_text("private\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    control, abstract, everywhere = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX), socket.socket()
    descriptor = os.open(outside, os.O_RDONLY)
    control.bind(f"/proc/self/fd/{descriptor}/control.sock")
    os.close(descriptor)
    abstract.bind(f"\0animus-attack-{os.getpid()}")
    everywhere.bind(("0.0.0.0", 0))  # noqa: S104 - another address than the loopback one is what is tested
    for listener in (control, abstract, everywhere):
        listener.listen()
    yield {
        "home": str(home),
        "outside": str(outside),
        "worktree": str(worktree),
        "repository": str(repository),
        "victim": victim.pid,
        "port": everywhere.getsockname()[1],
        "network_address": network_address() or "192.0.2.1",
        "control_socket": os.path.relpath(outside / "control.sock", worktree),
        "abstract_socket": f"animus-attack-{os.getpid()}",
        "memory": LIMITS.memory_bytes,
        "processes": LIMITS.processes,
        "files": LIMITS.open_files,
        "tmp": LIMITS.tmp_bytes,
        "server_url": server.url,
        "key_halves": [KEY[:8], KEY[8:]],
    }
    for listener in (control, abstract, everywhere):
        listener.close()


def network_address():
    """An address of this machine that is not the loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def _has(program):
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=False, timeout=WAIT_SECONDS)
    return done.returncode == 0


CHECKS = {
    "always": lambda: True,
    "root": lambda: os.getuid() == 0,
    "has_network": lambda: network_address() is not None,
    "has_vsock": lambda: _has("import socket; socket.socket(socket.AF_VSOCK)"),
    "has_io_uring": lambda: _has(
        "import ctypes; c = ctypes.CDLL(None); "
        "raise SystemExit(c.syscall(425, 1, ctypes.create_string_buffer(120)) < 0)"
    ),
    "has_keyring": lambda: _has(
        "import ctypes, os; c = ctypes.CDLL(None); n = {'x86_64': 248, 'aarch64': 217}[os.uname().machine]; "
        "raise SystemExit(c.syscall(n, b'user', b'animus-check', b'x', 1, -2) < 0)"
    ),
    "may_type": lambda: os.getuid() == 0,
}


@pytest.fixture
def can_control():
    """Whether the control run of an attack can reach its aim on this machine."""
    return lambda attack: CHECKS[attack.get("control", "always")]()


@pytest.fixture
def spec(worktree, upstream):
    readable = (TESTS, *program_mounts(Path(sys.executable)))
    return SandboxSpec(worktree, readable=readable, upstreams=(upstream,), limits=LIMITS)


@pytest.fixture
def run_inside(bubblewrap):
    """Runs a command line in a sandbox of its own."""

    def run(spec, argv, **more):
        with Sandbox(spec, bubblewrap) as sandbox:
            return subprocess.run(
                sandbox.argv(argv),
                env=sandbox.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=WAIT_SECONDS,
                **{"stdin": subprocess.DEVNULL} | more,
            )

    return run


@pytest.fixture
def attack_argv():
    def argv(name, facts):
        program = str(TESTS / "attack_programs.py")
        return [os.path.realpath(sys.executable), "-I", "-B", program, name, json.dumps(facts)]

    return argv


@pytest.fixture
def table():
    """The attack table as it stands in the README."""

    def render(rows):
        lines = ["| attack | in the sandbox | without it |", "|---|---|---|"]
        for row in rows:
            inside = " or ".join(f"`{outcome}`" for outcome in row["inside"])
            where = {"always": "works", "root": "works (as root)"}.get(
                row.get("control", "always"), "works where offered"
            )
            lines.append(f"| {row['aim']} | {inside} | {where} |")
        return "\n".join(lines)

    rows = tomllib.loads((TESTS / "attacks.toml").read_text())
    return render(rows.values())
