"""What users get wrong, as real processes: each case says what happened, where, and ends with its exit code."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from animus_control.endpoint import socket_path
from animus_control.project import find_project
from animus_kernel.serving.instance import instance_holder

WORKFLOWS = """
default_workflow_ref: check
workflows:
  - id: check
    worktree: skip
    phases: [test]
phases:
  test:
    mode: command
    command: {program: "true", args: []}
    idempotency: idempotent
"""
HOSTILE = "raise SystemExit('a file of the repository was run')\n"
FLAVOR = """
schema = "animus.flavor.v1"
id = "lacking"
version = "1.0"
title = "Lacking"
[queue]
required = ["animus-queue-nowhere"]
[roles]
queue = "queue-nowhere"
workflow_runner = "workflow-runner-default"
config_source = "workflow-runner-default"
workflow_journal = "workflow-runner-default"
"""


class Bench:
    """A project with a workflow, and what a case needs to break it."""

    def __init__(self, animus: Callable[..., Any], project: Path, home: Path) -> None:
        self.animus = animus
        self.project = project
        self.state = find_project(project, {"ANIMUS_CONFIG_DIR": str(home)})
        self.environment: dict[str, str] = {}
        self.write(".animus/workflows.yaml", WORKFLOWS)

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def run(self, *words: str) -> Any:
        answer = self.animus(*words, **self.environment)
        assert answer.code == 0, answer.err
        return answer


@pytest.fixture
def bench(animus: Callable[..., Any], project: Path, home: Path, flavor: None) -> Iterator[Bench]:
    made = Bench(animus, project, home)
    yield made
    if instance_holder(made.state) is not None:
        animus("daemon", "stop")


class Case(NamedTuple):
    name: str
    words: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    prepare: Callable[[Bench], Any] = lambda _: None


def unknown_key(bench: Bench) -> None:
    bench.write(".animus/workflows.yaml", WORKFLOWS.replace("worktree:", "worktreee:"))


def broken_yaml(bench: Bench) -> None:
    bench.write(".animus/workflows.yaml", "workflows: [\n")


def wrong_type(bench: Bench) -> None:
    bench.write("animus.toml", "flavor = 3\n")


def unknown_manifest_key(bench: Bench) -> None:
    bench.write("animus.toml", 'flavour = "default"\n')


def missing_plugin(bench: Bench) -> None:
    package = bench.project.parent / "site" / "animus_flavor_lacking"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "flavor.toml").write_text(FLAVOR)
    info = package.parent / "animus_flavor_lacking-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: animus-flavor-lacking\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[animus.flavors]\nlacking = animus_flavor_lacking\n")
    bench.write("animus.toml", 'flavor = "lacking"\n')
    bench.environment["PYTHONPATH"] = str(package.parent)


def missing_flavor(bench: Bench) -> None:
    bench.write("animus.toml", 'flavor = "nowhere"\n')


def corrupt_journal(bench: Bench) -> None:
    bench.run("workflow", "run", "--sync")
    for path in bench.state.state_dir.glob("workflow.db*"):
        path.write_bytes(b"this is no database" * 500)


def corrupt_queue(bench: Bench) -> None:
    bench.run("workflow", "run", "check")
    for path in (bench.state.state_dir / "queue").glob("journal-*"):
        path.write_bytes(b"this is no journal\n" * 5 + path.read_bytes())


def finished_run(bench: Bench) -> None:
    run = bench.run("workflow", "run", "--sync", "--json").data
    bench.environment["RUN"] = run["workflow_id"]


CASES = (
    Case("unknown-key", ("workflow", "config", "validate"), 2, ("workflows.yaml:5:5", "'worktree'"), unknown_key),
    Case("broken-yaml", ("workflow", "config", "validate"), 2, (".animus/workflows.yaml:2",), broken_yaml),
    Case("wrong-type", ("status",), 2, ("animus.toml", "flavor", "`str`"), wrong_type),
    Case("unknown-manifest-key", ("status",), 2, ("animus.toml", "'flavour'"), unknown_manifest_key),
    Case("unknown-workflow", ("workflow", "run", "chekc", "--sync"), 3, ("'chekc'", "check"), lambda _: None),
    Case("missing-plugin", ("daemon", "start"), 5, ("queue", "pip install animus-queue-nowhere"), missing_plugin),
    Case("missing-flavor", ("daemon", "start"), 5, ("'nowhere'", "pip install animus-flavor-nowhere"), missing_flavor),
    Case(
        "second-daemon",
        ("daemon", "start"),
        4,
        ("already served by process", "animus daemon stop"),
        lambda b: b.run("daemon", "start"),
    ),
    Case("corrupt-journal", ("workflow", "list"), 1, ("workflow.db",), corrupt_journal),
    Case("corrupt-queue", ("queue", "list"), 1, ("journal-",), corrupt_queue),
    Case("bad-var", ("workflow", "run", "--var", "x"), 2, ("--var", "'x' is not NAME=VALUE")),
    Case("bad-json", ("workflow", "run", "--input-json", "{x"), 2, ("--input-json", "not JSON")),
    Case("unknown-subject", ("subject", "get", "task:TASK-404"), 3, ("TASK-404",)),
    Case("run-on-unknown-subject", ("workflow", "run", "--subject", "task:TASK-404"), 3, ("'task:TASK-404'",)),
    Case("no-subject-at-all", ("queue", "enqueue", "--subject", "TASK-404"), 2, ("'TASK-404'", "KIND:ID")),
    Case("unknown-command", ("workfow", "list"), 2, ("'workfow'", "Did you mean 'workflow'?")),
    Case("unknown-run", ("workflow", "get", "run-404"), 3, ("'run-404'", "animus workflow list")),
    Case("approve-without-a-gate", ("workflow", "phase", "approve", "$RUN"), 4, ("is completed",), finished_run),
    Case("no-daemon", ("daemon", "health"), 5, ("no daemon serves", "animus daemon start")),
    Case("not-a-directory", ("status", "--project-root", "nowhere"), 2, ("'nowhere' is not a directory",)),
    Case("a-file-as-project", ("status", "--project-root", ".animus/workflows.yaml"), 2, ("is not a directory",)),
    Case("pool-of-nothing", ("daemon", "start", "--pool-size", "0"), 2, ("--pool-size", "0 is not in the range")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_input_is_refused_with_a_message_and_its_exit_code(case: Case, bench: Bench):
    case.prepare(bench)
    words = [bench.environment.get("RUN", word) if word == "$RUN" else word for word in case.words]
    answer = bench.animus(*words, **bench.environment)
    assert answer.code == case.code, answer
    assert [text for text in case.says if text not in answer.out + answer.err] == []
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("case", [case for case in CASES if case.name in {"unknown-key", "no-daemon", "bad-json"}])
def test_programs_get_the_same_refusal_as_an_envelope(case: Case, bench: Bench):
    case.prepare(bench)
    answer = bench.animus(*case.words, "--json", **bench.environment)
    assert answer.code == case.code == answer.error["exit_code"]
    text = answer.error["message"] + str(answer.error["details"])
    assert [wanted for wanted in case.says if wanted not in text] == []
    assert answer.out == ""


def test_a_stale_socket_is_no_obstacle(bench):
    path = socket_path(bench.state)
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    assert bench.run("status", "--json").data["daemon"]["running"] is False
    bench.run("daemon", "start")
    assert bench.run("daemon", "status", "--json").data["running"] is True


def test_files_of_the_project_are_not_run_in_place_of_libraries(bench, animus_anew):
    bench.animus = animus_anew
    for name in ("msgspec.py", "queue.py", "click.py", "animus_queue_default.py", "sitecustomize.py"):
        bench.write(name, HOSTILE)
    assert bench.run("workflow", "run", "--sync", "--json").data["status"] == "completed"
    bench.run("daemon", "start")
    assert bench.run("workflow", "run", "--sync", "--json").data["status"] == "completed"


def test_a_plugin_of_the_repository_is_not_run_before_it_is_trusted(bench):
    marker = bench.project / "was-run"
    plugin = bench.write(".animus/plugins/evil", f"#!/bin/sh\ntouch {marker}\n", 0o755)
    data = bench.run("plugin", "list", "--json").data
    assert "evil" in str(data)
    assert "animus plugin trust" in bench.run("plugin", "list").out
    bench.run("workflow", "run", "--sync")
    assert not marker.exists()
    bench.run("plugin", "trust", os.fspath(plugin))
    assert "animus plugin trust" not in bench.run("plugin", "list").out
