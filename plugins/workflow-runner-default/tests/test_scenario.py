"""Whole workflows: nesting, guards, variables, and one that reworks, waits for a person and merges."""

import json
from pathlib import Path

import pytest

NESTED = """
tools_allowlist: [sh]
workflows:
  - id: outer
    phases: [first, {workflow_ref: inner}, last]
  - id: inner
    phases: [middle]
phases:
  first: {mode: command, command: {program: sh, args: [-c, "echo first >> marker"]}}
  middle: {mode: command, command: {program: sh, args: [-c, "echo middle >> marker"]}}
  last: {mode: command, command: {program: sh, args: [-c, "echo last >> marker"]}}
"""


def test_nested_workflow_runs_in_its_place(host, define, project):
    define(NESTED)
    result = host.execute("outer", workflow_id="n1")
    assert result["workflow_status"] == "completed"
    assert (project / "marker").read_text().split() == ["first", "middle", "last"]
    value = host.call("workflow/inspect", {"what": "run", "workflow_id": "n1"})["value"]
    assert value["plan"][0] == "first"
    assert value["plan"][1].endswith("middle")


def test_workflows_that_contain_each_other_are_refused_with_the_cycle(host, define, rpc_error):
    define(NESTED.replace("phases: [middle]", "phases: [middle, {workflow_ref: outer}]"))
    with pytest.raises(rpc_error) as refusal:
        host.execute("outer")
    assert "outer" in refusal.value.message
    assert "inner" in refusal.value.message


SKIPPING = """
tools_allowlist: [sh]
workflows:
  - id: w
    phases:
      - a: {skip_if: ["priority == 'low'"]}
      - b: {skip_if: ["priority OPERATOR 'low'"]}
      - c
phases:
  a: {mode: command, command: {program: sh, args: [-c, "echo a >> marker"]}}
  b: {mode: command, command: {program: sh, args: [-c, "echo b >> marker"]}}
  c: {mode: command, command: {program: sh, args: [-c, "echo c >> marker"]}}
"""


def test_guarded_phases_in_a_row_are_skipped_and_recorded(host, define, project):
    define(SKIPPING.replace("OPERATOR", "=="))
    result = host.execute("w", subject={"metadata": {"attributes": {"priority": "low"}}})
    assert result["workflow_status"] == "completed"
    assert (project / "marker").read_text() == "c\n"
    skipped = [event for event in result["phase_events"] if event.get("status") == "skipped"]
    assert [event["phase_id"] for event in skipped] == ["a", "b"]
    assert result["phases_completed"] == result["phases_total"] == 3


@pytest.mark.parametrize("operator", ["==", "!="])
def test_guard_on_a_field_the_subject_lacks_skips_nothing(host, define, project, operator):
    define(SKIPPING.replace("OPERATOR", operator))
    assert host.execute("w")["workflow_status"] == "completed"
    assert (project / "marker").read_text() == "a\nb\nc\n"


VARIABLES = """
tools_allowlist: [sh]
workflows:
  - id: w
    variables:
      - {name: needed, required: true}
      - {name: given, default: fallback}
    phases: [p]
phases:
  p:
    mode: command
    command: {program: sh, args: [-c, 'printf "%s|%s" "$1" "$2" > out', sh, "{{needed}}", "{{given}}"]}
"""


def test_variables_are_dispatched_taken_from_the_input_or_defaulted(host, define, project):
    define(VARIABLES)
    assert host.execute("w", vars={"needed": "{{given}}"})["workflow_status"] == "completed"
    assert (project / "out").read_text() == "{{given}}|fallback"
    assert host.execute("w", input={"needed": 3, "given": "x"})["workflow_status"] == "completed"
    assert (project / "out").read_text() == "3|x"


def test_missing_variable_fails_the_run_before_its_first_phase(host, define, project):
    define(VARIABLES)
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "--var needed=VALUE" in result["reason"]
    assert not (project / "out").exists()


STANDARD = """
agents:
  coder: {system_prompt: You fix things., tool: coder}
tools_allowlist: [sh]
workflows:
  - id: standard
    phases:
      - implementation
      - test:
          on_verdict:
            rework: {target: implementation}
      - approval
    post_success: {merge: {strategy: merge, target_branch: main}}
phases:
  implementation:
    mode: agent
    agent: coder
    directive: Fix it
    capabilities: {writes_files: true, requires_commit: true, enforce_product_changes: true}
    decision_contract: {min_confidence: 0.5}
  test:
    mode: command
    command:
      program: sh
      args: [-c, 'grep -q right file.txt || { echo "FAILED file.txt is wrong"; exit 1; }']
      cwd_mode: task_root
  approval: {mode: manual, manual: {instructions: Look at it}}
"""


def test_wrong_edit_is_reworked_right_edit_is_approved_and_merged(start_host, define, repository, git, agent_reply):
    host = start_host(host_calls=True)
    define(STANDARD)
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    prompts: list[str] = []

    def agent(params):
        prompts.append(params["params"]["prompt"])
        Path(params["params"]["cwd"], "file.txt").write_text("right\n" if len(prompts) > 1 else "wrong\n")
        decision = {"verdict": "advance", "confidence": 0.9, "risk": "low", "commit_message": f"try {len(prompts)}"}
        return agent_reply("I edited it.\n" + json.dumps(decision))

    host.on_host_call = agent
    parked = host.execute("standard", workflow_id="std")
    assert parked["workflow_status"] == "paused", parked
    assert "FAILED file.txt is wrong" in prompts[1]
    assert (repository / "file.txt").read_text() == "one\n"
    assert host.signal("std", "approve", note="fine")["runnable"] is True
    done = host.call("workflow/execute", {"workflow_id": "std"})
    assert done["workflow_status"] == "completed", done
    assert (repository / "file.txt").read_text() == "right\n"
    subjects = git(repository, "log", "--format=%s").splitlines()
    assert subjects[0].startswith("Merge animus/task-TASK-1-")
    assert {"try 1", "try 2"} <= set(subjects)
    assert git(repository, "status", "--porcelain") == ""


def test_agent_that_changes_nothing_where_it_must_is_reworked(start_host, define, repository, git, agent_reply):
    host = start_host(host_calls=True)
    define(STANDARD.replace("      - approval\n", "").replace("grep -q right file.txt", "true"))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    answers = [
        {"verdict": "advance", "confidence": 0.9},
        {"verdict": "advance", "confidence": 0.9, "evidence": [{"kind": "no_changes_needed"}]},
    ]
    host.on_host_call = lambda params: agent_reply(json.dumps(answers.pop(0)))
    result = host.execute("standard")
    assert result["workflow_status"] == "completed", result
    assert "changed nothing" in result["phase_results"][0]["outcome"]["reason"]
    assert result["post_success"]["status"] == "nothing_to_merge"
