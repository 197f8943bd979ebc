"""A real daemon, the real command, a real collector; needs the other packages of the workspace."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

WORKFLOWS = """
tools_allowlist: [sh]
phases:
  build: {mode: command, command: {program: sh, args: [-c, 'exit 0']}}
  test: {mode: command, command: {program: sh, args: [-c, 'test -e "$ANIMUS_PROJECT_ROOT/ready"']}}
workflows:
  - id: deliver
    worktree: skip
    phases:
      - build
      - test: {max_rework_attempts: 1}
"""
_BIN = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def _workspace():
    if importlib.util.find_spec("animus_kernel") is None or not (_BIN / "animus").exists():
        pytest.skip("the daemon is another package, and is not installed here")
    if shutil.which("git") is None:
        pytest.skip("git is not installed, and a project is a repository")


class Project:
    """A repository with one workflow, a daemon if the test starts one, and the observers it starts."""

    def __init__(self, folder: Path) -> None:
        self.root, self._config = folder / "p", folder / "a"
        self._observers: list[subprocess.Popen] = []
        self._environ = {
            "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "ANIMUS_CONFIG_DIR": str(self._config),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        (self.root / ".animus").mkdir(parents=True)
        (self.root / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
        subprocess.run(["git", "init", "-q", "-b", "main", self.root], env=self._environ, check=True, timeout=60)

    def animus(self, *words: str) -> int:
        return self._done(*words).returncode

    def run(self, title: str) -> None:
        """Run the workflow; that it fails may be part of the play, that it cannot begin is not."""
        done = self._done("workflow", "run", "deliver", "--sync", "--title", title)
        assert "run-" in done.stdout + done.stderr, done

    def observer(self, *words: str, endpoint: str, **more: str) -> subprocess.Popen:
        given = self._environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} | more
        command = [sys.executable, "-P", "-m", "animus_observer_otel", "--interval", "0.2", *words]
        self._observers.append(subprocess.Popen(command, cwd=self.root, env=given, stderr=subprocess.PIPE, text=True))
        return self._observers[-1]

    def exported(self) -> int:
        """The number of the last event that is behind the observer; 0 before it wrote one down."""
        files = list(self._config.glob("*/observer-otel/cursor.json"))
        return json.loads(files[0].read_bytes())["position"]["seq"] if files else 0

    def make_ready(self) -> None:
        (self.root / "ready").touch()

    def close(self) -> None:
        for observer in self._observers:
            if observer.poll() is None:  # only after a test that failed
                observer.kill()
                observer.communicate()
        self.animus("daemon", "stop")

    def _done(self, *words: str) -> subprocess.CompletedProcess:
        command = [_BIN / "animus", *words]
        return subprocess.run(
            command, cwd=self.root, env=self._environ, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    made.close()


def ended(process: subprocess.Popen) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def ids_of(collector) -> Counter:
    return Counter(span.span_id for span in collector.spans())


def roots_of(collector) -> list[str]:
    return [span.name for span in collector.spans() if not span.parent_span_id]


def test_runs_are_exported_once_across_kills_of_the_observer_and_of_the_daemon(
    project, collector, attributes, wait_until
):
    assert project.animus("daemon", "start") == 0
    observer = project.observer(endpoint=collector.endpoint)
    project.run("first")
    wait_until(lambda: roots_of(collector) == ["run deliver"], "the first run at the collector")
    names = Counter(span.name for span in collector.spans())
    assert names == {"phase build": 1, "phase test": 2, "run deliver": 1}
    root = next(span for span in collector.spans() if not span.parent_span_id)
    assert (root.status.code, attributes(root)["animus.status"]) == (2, "escalated")
    wait_until(lambda: "animus.queue.depth" in collector.metrics(), "the queue's depth")
    assert collector.metrics()["animus.daemon.up"].gauge.data_points[0].as_int == 1

    wait_until(lambda: project.exported() >= len(collector.records()), "the cursor behind the first run")
    observer.send_signal(signal.SIGKILL)
    ended(observer)
    project.make_ready()
    project.run("while nobody looked")
    assert project.animus("daemon", "stop") == 0
    observer = project.observer(endpoint=collector.endpoint)  # it waits for a daemon
    assert project.animus("daemon", "start") == 0
    wait_until(lambda: len(roots_of(collector)) == 2, "the second run at the collector")
    project.animus("daemon", "stop")
    project.animus("daemon", "start")
    project.run("third")
    wait_until(lambda: len(roots_of(collector)) == 3, "the third run at the collector")
    observer.send_signal(signal.SIGTERM)
    assert ended(observer)[0] == 0
    assert set(ids_of(collector).values()) == {1}
    sequence = [attributes(record)["animus.event.seq"] for record in collector.records()]
    assert sorted(sequence) == list(range(1, len(sequence) + 1))


def test_once_exports_what_there_is_and_ends(project, collector):
    assert project.animus("daemon", "start") == 0
    project.make_ready()
    project.run("one")
    assert ended(project.observer("--once", endpoint=collector.endpoint))[0] == 0
    assert roots_of(collector) == ["run deliver"]
    assert "animus.runs" in collector.metrics()
    assert ended(project.observer("--once", endpoint=collector.endpoint))[0] == 0
    assert set(ids_of(collector).values()) == {1}


def test_once_without_a_daemon_or_a_collector_fails_and_says_why(project, collector):
    code, said = ended(project.observer("--once", endpoint=collector.endpoint))
    assert (code, "no daemon serves the project" in said) == (1, True)
    assert project.animus("daemon", "start") == 0
    collector.status = 503
    code, said = ended(project.observer("--once", endpoint=collector.endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="1"))
    assert (code, "the next run" in said) == (1, True)
