"""The plugin binary over stdio: the seed's integration test and the scenarios of command phases."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

THREE = """
tools_allowlist: [sh]
workflows:
  - id: three
    phases: [p1, p2, p3]
phases:
  p1: {mode: command, command: {program: sh, args: [-c, "echo one"]}}
  p2: {mode: command, command: {program: sh, args: [-c, "echo two"]}}
  p3: {mode: command, command: {program: sh, args: [-c, "echo three"]}}
"""


def test_manifest_names_kinds_and_methods_and_creates_nothing(tmp_path, environ):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "animus_workflow_runner_default", "--manifest"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        check=True,
        timeout=60,
    )
    manifest = json.loads(done.stdout)
    assert manifest["plugin_kind"] == "workflow_runner"
    assert set(manifest["plugin_kinds"]) == {"config_source", "workflow_journal"}
    assert {"workflow/execute", "workflow/run_phase", "workflow/signal"} <= set(manifest["capabilities"])
    assert not (tmp_path / "config").exists()


def test_three_commands_complete_in_order_with_their_events(host, define):
    define(THREE)
    number = host.begin_execute("three", workflow_id="w1")
    result = host.finish(number)
    assert result["workflow_status"] == "completed", result
    assert result["success"] is True
    assert [(row["phase_id"], row["status"]) for row in result["phase_results"]] == [
        ("p1", "completed"),
        ("p2", "completed"),
        ("p3", "completed"),
    ]
    events = [(event["phase_id"], event["kind"]) for event in result["phase_events"]]
    assert events == [(phase, kind) for phase in ("p1", "p2", "p3") for kind in ("started", "decision", "completed")]
    live = [(event["phase_id"], event["kind"]) for event in host.progress[number]]
    assert live == events


def test_version_is_that_of_the_distribution(host):
    assert host.call("workflow/inspect", {"what": "runner"})["value"]["version"] == version(
        "animus-workflow-runner-default"
    )


def test_initialize_without_a_project_is_refused(start_host, rpc_error):
    host = start_host(initialize=False)
    with pytest.raises(rpc_error) as refusal:
        host.call(
            "initialize",
            {
                "protocol_version": "1.1.0",
                "host_info": {"name": "t", "version": "0"},
                "capabilities": {"streaming": True, "progress": True, "cancellation": True},
            },
        )
    assert refusal.value.code == -32104


def test_unknown_workflow_is_refused_with_the_ones_there_are(host, define, rpc_error):
    define(THREE)
    with pytest.raises(rpc_error) as refusal:
        host.execute("four")
    assert refusal.value.code == -32101
    assert "three" in refusal.value.message
