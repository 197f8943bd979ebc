"""Odd but well-typed requests of every operation, by a seed: clean answers, and a daemon that has nothing to report."""

import contextlib
import importlib.util
import os
import random

import pytest
from msgspec import ValidationError, inspect

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.event_file import read_events
from animus_control.operations import OPERATIONS
from animus_control.project import find_project
from animus_kernel.serving.launch import start_daemon, stop_daemon

PLUGINS = ("animus_queue_default", "animus_workflow_runner_default", "animus_subject_default", "animus_flavor_default")
REQUESTS = 400
ANSWER_SECONDS = 60.0
ENDINGS = {"daemon/stop", "daemon/restart", "daemon/drain", "daemon/pause"}
INSTALLING = {"plugin/install", "plugin/uninstall", "plugin/update"}
TEXTS = ["", "x\0y", "../..", "task:", ":", "task:TASK-1", "task:x\0", "💥" * 50, "-", "--help", "*", "nobody", "quick"]
TEXTS += ["TASK-1", "1", "null", "a" * 5000, "queue-default", "queue/stats", "subject/get", "queue/lease", "high"]
TEXTS += [
    "2099-01-01T00:00:00Z",
    "2026-13-45",
    "/etc/passwd",
    "command",
    "explain",
    "[",
    "(",
    "\\",
    "\u202e",
    "%s",
    "{0}",
]
ANYTHING = [None, 1, "x", [], {}, {"a": [{}]}, {"id": "task:TASK-1"}, {"workflow_id": "x"}, {"params": []}]
WORKFLOWS = """
workflows: [{id: quick, worktree: skip, phases: [say]}]
phases: {say: {mode: command, command: {program: "true"}}}
"""

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PLUGINS), reason="needs the default plugins installed"
)


@pytest.fixture
def project(tmp_path, monkeypatch, know_plugins):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / "a"))
    know_plugins(tmp_path / "a")
    root = tmp_path / "project"
    (root / ".animus").mkdir(parents=True)
    (root / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    project = find_project(root, os.environ)
    start_daemon(project, DaemonSettings())
    yield project
    stop_daemon(project, timeout_seconds=60)


def value(kind, chance, depth=0):
    """An odd value that its type allows."""
    plain = {
        inspect.StrType: lambda: chance.choice(TEXTS),
        inspect.IntType: lambda: chance.choice([0, 1, 2, 50, 10**6, 2**31, 2**63 - 1]),
        inspect.FloatType: lambda: chance.choice([0.0, 1.5, 1e300]),
        inspect.BoolType: lambda: chance.random() < 0.5,
        inspect.DateTimeType: lambda: "2026-01-01T00:00:00Z",
        inspect.AnyType: lambda: chance.choice(ANYTHING),
        inspect.EnumType: lambda: chance.choice(list(kind.cls)).value,
        inspect.UnionType: lambda: value(chance.choice(kind.types), chance, depth),
        inspect.Metadata: lambda: value(kind.type, chance, depth),
        inspect.ListType: lambda: [value(kind.item_type, chance, depth + 1) for _ in range(chance.choice([0, 1, 3]))],
        inspect.DictType: lambda: {chance.choice(TEXTS): value(kind.value_type, chance, depth + 1)},
        inspect.StructType: lambda: {
            field.encode_name: value(field.type, chance, depth + 1)
            for field in kind.fields
            if field.required or chance.random() < (0.3 if depth else 0.5)
        },
    }
    return plain[type(kind)]() if type(kind) in plain else None


def ask(client, operation, params):
    """What is wrong with the answer; None for a clean one."""
    try:
        if operation.stream is None:
            client.call(operation.name, params, timeout_seconds=ANSWER_SECONDS)
        else:
            stream = client.stream(operation.name, params | {"follow": False})
            client.cancel()
            list(stream)
    except ControlError as error:
        is_clean = error.category != "internal" and error.message and "went away" not in error.message
        return None if is_clean else error.message
    except ValidationError as error:
        return f"the answer is none: {error}"
    return None


@pytest.mark.parametrize("seed", [1])
def test_odd_requests_get_clean_answers(project, seed):
    chance = random.Random(seed)  # noqa: S311 - odd values
    operations = [row for row in OPERATIONS.values() if row.name not in ENDINGS | INSTALLING]
    unclean = []
    with contextlib.closing(ControlClient.connect(project)) as client:
        pid = client.call("daemon/status").pid
        for _ in range(REQUESTS):
            operation = chance.choice(operations)
            params = value(inspect.type_info(operation.params), chance)
            params |= {"sync": False} if operation.name == "workflow/run" else {}
            params |= {"detach": True} if operation.name == "agent/run" else {}
            wrong = ask(client, operation, params)
            if wrong is not None:
                unclean.append((operation.name, params, wrong))
        assert unclean == []
        assert client.call("daemon/status").pid == pid
    assert [event.payload for event in read_events(project.events_path) if event.kind == "internal_error"] == []
