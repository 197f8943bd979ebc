"""The daily commands as real processes: each works end to end, for people and as an envelope."""

import json
import sys
from pathlib import Path

import pytest

WORKFLOWS = """
default_workflow_ref: check
workflows:
  - {id: check, worktree: skip, phases: [test]}
  - {id: failing, worktree: skip, phases: [fail]}
  - {id: gated, worktree: skip, phases: [test, gate]}
  - {id: named, worktree: skip, phases: [test], variables: [{name: who, required: true}]}
phases:
  test: {mode: command, command: {program: sh, args: ["-c", "echo said; echo wrong >&2"]}}
  fail: {mode: command, command: {program: "false"}, retry: {max_attempts: 1}}
  gate: {mode: manual, manual: {instructions: Look at it.}}
"""
AGENT = """
default_workflow_ref: talk
workflows: [{id: talk, worktree: skip, phases: [talk, gate]}]
agents: {a: {system_prompt: Be brief., tool: echo}}
phases:
  talk: {mode: agent, agent: a, directive: Say it.}
  gate: {mode: manual, manual: {instructions: Look at it.}}
"""
PROVIDER = """#!{python} -P
import sys

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.provider import AgentOutputNote, AgentRunParams, AgentRunResult

plugin = Plugin("animus-provider-echo", "1.0", description="Says what it was told.")


def run(params: AgentRunParams, context) -> AgentRunResult:
    context.notify(methods.AGENT_OUTPUT, AgentOutputNote(session_id="s", text="I was told."))
    text = '{{"verdict": "advance", "reason": "echoed"}}'
    return AgentRunResult(session_id="s", exit_code=0, output=text, duration_ms=1, backend="echo")


run.__annotations__["context"] = __import__("animus_plugin_protocol").Context
plugin.register_method(methods.AGENT_RUN, run)
sys.exit(plugin.run())
"""


@pytest.fixture
def authored(project: Path, flavor) -> Path:
    (project / ".animus").mkdir()
    (project / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    return project


@pytest.fixture
def daemon(animus, authored):
    answer = animus("daemon", "start", "--json")
    assert answer.code == 0, answer.err
    yield answer.data
    animus("daemon", "stop")


@pytest.fixture(scope="module")
def served(shared):
    """``animus`` in a project with a daemon that the tests of this module share."""
    return shared(WORKFLOWS)


def told(answer):
    assert answer.code == 0, answer.err
    return answer.data


def test_the_daemon_is_configured_restarted_and_its_log_read(animus, daemon):
    stored = animus("daemon", "config", "--pool-size", "3")
    assert stored.code == 0, stored.err
    assert "next: animus daemon restart" in stored.out
    again = told(animus("daemon", "restart", "--json"))
    assert again["pid"] != daemon["pid"]
    assert again["pool_size"] == 3
    assert told(animus("daemon", "preflight", "--json"))["satisfied"]["queue"] == "queue-default"
    log = told(animus("daemon", "logs", "--limit", "5", "--search", "no such text", "--json"))
    assert log["lines"] == []


def test_a_setting_of_the_manifest_is_not_stored_in_vain(animus, authored):
    (authored / "animus.toml").write_text("[daemon]\npool_size = 2\n")
    refused = animus("daemon", "config", "--pool-size", "3")
    assert refused.code == 4
    assert "animus.toml" in refused.err
    assert told(animus("daemon", "config", "--json"))["pool_size"] == 2


def test_a_preflight_without_a_needed_plugin_ends_with_2(animus, authored):
    (authored / "animus.toml").write_text('[roles]\nqueue = "queue-nowhere"\n')
    answer = animus("daemon", "preflight")
    assert answer.code == 2
    assert "next: " in answer.out
    assert "pip install" in answer.out


def test_a_paused_daemon_says_how_to_go_on(animus, daemon):
    assert animus("daemon", "pause").code == 0
    entry = told(animus("workflow", "run", "check", "--json"))["entry_id"]
    assert "next: animus daemon resume" in animus("status").out
    causes = told(animus("why", entry, "--json"))["causes"]
    assert causes[0] | {"cause": ""} == {
        "state": "daemon-paused",
        "cause": "",
        "owner": "you",
        "command": "animus daemon resume",
    }
    assert "next: animus daemon resume" in animus("queue", "why", entry).out


def test_entries_are_put_first(animus, daemon):
    animus("daemon", "pause")
    first, second = (told(animus("workflow", "run", "check", "--json"))["entry_id"] for _ in range(2))
    assert [row["id"] for row in told(animus("queue", "list", "--json"))["entries"]] == [first, second]
    assert told(animus("queue", "reorder", second, "--json"))["reordered_count"] >= 1
    assert [row["id"] for row in told(animus("queue", "list", "--json"))["entries"]] == [second, first]
    told(animus("queue", "hold", first, "--reason", "not yet", "--json"))
    assert told(animus("why", first, "--json"))["causes"][0]["command"] == f"animus queue release {first}"


def test_subjects_are_made_together_changed_and_deleted(served, tmp_path):
    (tmp_path / "tasks.jsonl").write_text('{"title": "One"}\n{"title": "Two", "labels": ["x"]}\n')
    made = told(served("subject", "batch-create", "--file", str(tmp_path / "tasks.jsonl"), "--json"))["subjects"]
    assert [subject["title"] for subject in made] == ["One", "Two"]
    changed = told(served("subject", "update", made[1]["id"], "--unlabel", "x", "--assignee", "me", "--json"))
    assert changed.get("labels", []) == []
    assert changed["assignee"] == "me"
    assert served("subject", "update", made[1]["id"]).code == 2
    preview = served("subject", "delete", made[0]["id"])
    assert f"next: animus subject delete {made[0]['id']} --yes" in preview.out
    assert served("subject", "get", made[0]["id"]).code == 0
    assert told(served("subject", "delete", made[0]["id"], "--yes", "--json"))["deleted"] is True
    assert served("subject", "get", made[0]["id"]).code == 3


def test_a_batch_names_the_item_that_was_refused(served, tmp_path):
    rows = [{"title": "One"}, {"title": "Two", "kind": "unheard-of"}, {"title": "Three"}]
    (tmp_path / "tasks.json").write_text(json.dumps(rows))
    stopped = served("subject", "batch-create", "--file", str(tmp_path / "tasks.json"), "--json")
    assert stopped.code == 2
    assert "item 2 ('Two')" in stopped.error["message"]
    assert [row["title"] for row in stopped.error["details"]["subjects"]] == ["One"]
    went_on = served(
        "subject", "batch-create", "--file", str(tmp_path / "tasks.json"), "--on-error", "continue", "--json"
    )
    assert [row["title"] for row in went_on.error["details"]["subjects"]] == ["One", "Three"]


def test_a_subject_with_queued_work_is_not_deleted(animus, daemon):
    animus("daemon", "pause")
    subject = told(animus("subject", "create", "--title", "Do it", "--json"))["id"]
    assert told(animus("why", subject, "--json"))["causes"][0]["state"] == "not-asked-for"
    animus("queue", "enqueue", "--subject", subject)
    refused = animus("subject", "delete", subject, "--yes")
    assert refused.code == 4
    assert f"next:  animus queue drop {subject}" in refused.err


def test_a_run_of_a_subject_at_work_is_joined_and_not_waited_for_in_vain(served):
    subject = told(served("subject", "create", "--title", "Once", "--json"))["id"]
    first = told(served("workflow", "run", "gated", "--subject", subject, "--sync", "--json"))
    again = told(served("workflow", "run", "check", "--subject", subject, "--sync", "--json"))
    assert {name: again[name] for name in ("workflow_id", "definition", "status")} == {
        "workflow_id": first["workflow_id"],
        "definition": "gated",
        "status": "paused",
    }
    text = served("workflow", "run", "check", "--subject", subject).out
    assert f"is at work already, in {first['workflow_id']} of gated; no other run began." in text
    assert served("workflow", "cancel", first["workflow_id"]).code == 0


def test_an_ended_run_is_looked_back_at_and_forgotten(served):
    failed = served("workflow", "run", "failing", "--sync", "--json").error["details"]
    run_id = failed["workflow_id"]
    told(served("workflow", "run", "check", "--sync", "--json"))
    ended = told(served("history", "--limit", "2", "--json"))["runs"]
    assert [run["definition"] for run in ended] == ["check", "failing"]
    page = told(served("history", "--limit", "1", "--offset", "1", "--json"))["runs"]
    assert [run["id"] for run in page] == [run_id]
    decided = told(served("workflow", "decisions", run_id, "--json"))["decisions"]
    assert decided
    assert "exited with code 1" in decided[-1]["reason"]
    outputs = told(served("output", "read", ended[0]["id"], "--json"))["outputs"]
    assert {row["stream"]: row["lines"] for row in outputs} == {"stdout": ["said"], "stderr": ["wrong"]}
    files = told(served("output", "phase-outputs", ended[0]["id"], "--phase", "test", "--json"))["outputs"]
    assert all(Path(row["path"]).is_file() for row in files)
    assert served("output", "read", run_id, "--phase", "nope").code == 3
    assert told(served("workflow", "prune", "--run-id", run_id, "--json"))["deleted"] == 0
    assert told(served("workflow", "prune", "--run-id", run_id, "--yes", "--json"))["deleted"] == 1
    assert served("workflow", "get", run_id).code == 3
    assert served("workflow", "prune").code == 2


def test_a_run_that_has_ended_is_not_resumed(served):
    run_id = served("workflow", "run", "failing", "--sync", "--json").error["details"]["workflow_id"]
    refused = served("workflow", "resume", run_id)
    assert refused.code == 4
    assert "next:  animus workflow run failing" in refused.err
    assert told(served("workflow", "get", run_id, "--json"))["status"] in {"failed", "escalated"}


def test_a_required_variable_is_asked_for_at_the_door(served):
    refused = served("workflow", "run", "named")
    assert refused.code == 2
    assert "next:  animus workflow run named --var who=VALUE" in refused.err
    assert "named" not in str(told(served("queue", "list", "--json"))["entries"])
    assert served("workflow", "run", "named", "--var", "who=me", "--sync").code == 0
    assert served("workflow", "run", "named", "--input-json", '{"who": "me"}', "--sync").code == 0


@pytest.mark.parametrize(
    ("name", "text", "said", "step"),
    [
        (
            ".animus/workflows.yaml",
            "workflows: [",
            "there is no workflow that can be run",
            "animus workflow config validate",
        ),
        ("animus.toml", "flavour = 'x'\n", "animus.toml", "repair the file, then: animus doctor"),
    ],
)
def test_a_broken_file_is_not_answered_with_the_help_of_the_command(animus, authored, name, text, said, step):
    (authored / name).write_text(text, encoding="utf-8")
    answer = animus("workflow", "run", "--json")
    assert said in answer.error["message"]
    assert answer.error["details"]["remediation"]["next_step"] == step


def test_a_broken_file_is_validated_again_once_it_is_changed(animus, authored):
    (authored / ".animus" / "workflows.yaml").write_text("workflows: [", encoding="utf-8")
    answer = animus("workflow", "config", "validate")
    assert answer.code == 2
    assert "next:  change the files, then: animus workflow config validate" in answer.err


def test_work_that_waits_for_a_daemon_is_listed_as_such(animus, authored):
    run_id = told(animus("workflow", "run", "gated", "--sync", "--json"))["workflow_id"]
    assert told(animus("why", run_id, "--json"))["causes"][0]["state"] == "gate"
    assert animus("workflow", "phase", "approve", run_id).code == 0
    text = animus("status").out
    assert "Waiting for a daemon" in text
    assert text.rstrip().endswith("next: animus daemon start")
    assert told(animus("why", run_id, "--json"))["causes"][0]["state"] == "daemon-not-running"


def test_plugins_are_described_pinged_and_called(served):
    assert "health/check" in told(served("plugin", "info", "queue-default", "--json"))["manifest"]["capabilities"]
    assert told(served("plugin", "ping", "queue-default", "--json"))["ok"] is True
    assert told(served("plugin", "call", "queue-default", "queue/stats", "--json"))["held"] == 0
    assert json.loads(served("plugin", "call", "queue-default", "queue/stats").out)["held"] == 0
    assert served("plugin", "info", "queue-defalt").code == 3
    assert served("plugin", "ping", "nowhere").code != 0


def test_flavors_and_packs_are_described(served):
    assert told(served("flavor", "current", "--json"))["roles"]["queue"] == "queue-default"
    assert all(need["installed"] for need in told(served("flavor", "info", "--json"))["needs"])
    assert "is as the flavor 'default' says" in served("flavor", "diff").out
    assert [row["id"] for row in told(served("flavor", "list", "--json"))["flavors"] if row["active"]] == ["default"]
    assert [row["id"] for row in told(served("pack", "list", "--json"))["packs"]] == ["animus.task"]
    assert told(served("pack", "info", "animus.task", "--json"))["projection"]["completed"] == "done"
    assert served("pack", "info", "animus.tsk").code == 3


def test_the_compiled_definitions_are_printed(served):
    assert "gated" in told(served("workflow", "config", "get", "--json"))["config"]["workflows"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(animus, shell):
    assert "_ANIMUS_COMPLETE" in animus("completion", shell).out


def test_a_shell_that_asks_gets_words(animus):
    asked = {"_ANIMUS_COMPLETE": "bash_complete", "COMP_WORDS": "animus queue re", "COMP_CWORD": "2"}
    assert animus(**asked).out.split() == ["plain,release", "plain,reorder"]


def test_a_file_without_its_executable_bit_is_named_with_the_command(animus, authored):
    plugin = authored / ".animus" / "plugins" / "animus-provider-x"
    plugin.parent.mkdir()
    plugin.write_text("#!/bin/sh\n")
    text = animus("plugin", "list").out
    assert f"next: chmod +x {plugin}" in text
    assert "warning: : " not in text


@pytest.fixture
def echo(authored: Path) -> Path:
    """A provider that the repository brings, and a workflow whose agent it is."""
    (authored / ".animus" / "workflows.yaml").write_text(AGENT)
    plugin = authored / ".animus" / "plugins" / "animus-provider-echo"
    plugin.parent.mkdir()
    plugin.write_text(PROVIDER.format(python=sys.executable))
    plugin.chmod(0o755)
    return plugin


def test_a_provider_is_of_use_as_soon_as_it_is_trusted(animus, echo):
    assert told(animus("plugin", "info", "provider-echo", "--json"))["trusted"] is False
    row = next(line for line in animus("plugin", "list").out.splitlines() if line.startswith("provider-echo"))
    assert row.endswith("not trusted")
    told(animus("plugin", "trust", str(echo), "--json"))
    run_id = told(animus("workflow", "run", "--sync", "--json"))["workflow_id"]
    decided = told(animus("workflow", "decisions", run_id, "--json"))["decisions"]
    assert [(row["path"], row["reason"]) for row in decided] == [("talk", "echoed")]
    prompt = told(animus("workflow", "prompt", "render", run_id, "--phase", "talk", "--json"))
    assert "Say it." in prompt["prompt"]
    said = told(animus("output", "read", run_id, "--json"))["outputs"]
    assert said == [{"phase": "talk", "attempt": 1, "stream": "agent", "lines": ["I was told."]}]
    kept = told(animus("output", "phase-outputs", run_id, "--json"))["outputs"]
    assert {(row["stream"], row["attempt"]) for row in kept} == {("agent", 1), ("notes", None)}


def test_doctor_looks_at_definitions_programs_and_git(animus, authored, git):
    assert "no git repository" in animus("doctor").out
    git(authored, "init", "-q")
    assert "no commit yet" in animus("doctor").out
    git(authored, "commit", "-q", "--allow-empty", "-m", "first")
    text = animus("doctor").out
    assert "hold changes that are not committed" in text
    assert "next: git add .animus && git commit" in text
    git(authored, "add", ".animus")
    git(authored, "commit", "-q", "-m", "second")
    assert "what runs need is committed" in animus("doctor").out
    extra = "tools: {agent: {executable: no-such-agent}}\nagents: {a: {system_prompt: x, tool: agent}}\n"
    (authored / ".animus" / "workflows.yaml").write_text(WORKFLOWS + extra)
    assert "the program 'no-such-agent' of tool 'agent' is not there" in animus("doctor").out
    (authored / ".animus" / "workflows.yaml").write_text("workflows: [")
    broken = animus("doctor")
    assert broken.code == 5
    assert "next:  animus workflow config validate" in broken.err


def test_a_gate_shows_the_branch_to_look_at(animus, authored, git):
    text = WORKFLOWS.replace("{id: gated, worktree: skip, ", "{id: gated, ")
    (authored / ".animus" / "workflows.yaml").write_text(text)
    git(authored, "init", "-q")
    git(authored, "add", ".animus")
    git(authored, "commit", "-q", "-m", "first")
    answer = animus("workflow", "run", "gated", "--sync")
    assert answer.code == 0, answer.err
    line = next(line for line in answer.out.splitlines() if line.startswith("see:  git diff ...animus/"))
    assert line.removeprefix("see:  ") in animus("status").out


def test_a_priority_is_a_word_or_a_number(served):
    for given, level in (("high", 1), ("Critical", 0), ("4", 4)):
        made = told(served("subject", "create", "--title", "x", "--priority", given, "--json"))
        assert made["priority"] == level
    refused = served("subject", "create", "--title", "x", "--priority", "urgent")
    assert refused.code == 2
    assert "critical, high, medium, low" in refused.err


def test_an_option_with_room_for_one_value_is_not_given_two(served):
    refused = served("workflow", "run", "--subject", "task:TASK-001", "--subject", "task:TASK-002")
    assert refused.code == 2
    assert "'--subject': it is given twice" in refused.err


def test_a_run_is_watched_on_from_its_gate(served):
    run_id = told(served("workflow", "run", "gated", "--sync", "--json"))["workflow_id"]
    assert told(served("workflow", "watch", run_id, "--json"))["status"] == "paused"
    assert served("workflow", "phase", "approve", run_id).code == 0
    assert told(served("workflow", "watch", run_id, "--json"))["status"] == "completed"
    failed = served("workflow", "run", "failing", "--json").data["entry_id"]
    answer = served("workflow", "watch", failed)
    assert answer.code == 6
    assert "next:  animus workflow get run-" in answer.err


def test_a_subject_stands_for_its_run(served):
    subject = told(served("subject", "create", "--title", "named", "--json"))["id"]
    nothing = served("workflow", "get", subject)
    assert nothing.code == 3
    assert f"next:  animus workflow run --subject {subject}" in nothing.err
    run = told(served("workflow", "run", "gated", "--subject", subject, "--sync", "--json"))["workflow_id"]
    assert told(served("workflow", "get", subject, "--json"))["id"] == run
    assert told(served("workflow", "decisions", subject, "--json"))["id"] == run
    assert told(served("workflow", "phase", "approve", subject, "--json"))["id"] == run
    assert served("workflow", "watch", subject).code == 0
    assert told(served("workflow", "get", subject, "--json"))["status"] == "completed"
    assert told(served("output", "read", subject, "--json"))["id"] == run


def test_a_run_is_looked_at_before_it_is_cancelled(served):
    run = told(served("workflow", "run", "gated", "--sync", "--json"))["workflow_id"]
    looked = served("workflow", "cancel", run, "--dry-run")
    assert f"next: animus workflow cancel {run}" in looked.out
    refused = served("workflow", "cancel", run, "--confirm", "run-other")
    assert refused.code == 4
    assert told(served("workflow", "get", run, "--json"))["status"] == "paused"
    assert told(served("workflow", "cancel", run, "--confirm", run, "--json"))["status"] == "cancelled"


def test_a_subject_gets_another_title_body_and_priority(served):
    subject = told(served("subject", "create", "--title", "old", "--json"))["id"]
    words = ("--title", " new ", "--body", "More.", "--priority", "high")
    changed = told(served("subject", "update", subject, *words, "--json"))
    assert (changed["title"], changed["description"], changed["priority"]) == ("new", "More.", 1)
    assert served("subject", "update", subject, "--priority", "soon").code == 2


def test_checkpoints_of_a_run_are_listed_and_their_pruning_previewed(served):
    run = told(served("workflow", "run", "check", "--sync", "--json"))["workflow_id"]
    listed = told(served("workflow", "checkpoints", "list", run, "--json"))
    assert listed["id"] == run
    assert listed["total"] == len(listed["checkpoints"])
    assert served("workflow", "checkpoints", "get", run, "999").code == 3
    preview = told(served("workflow", "checkpoints", "prune", run, "--keep", "0", "--json"))
    assert preview == {"id": run, "checkpoints": listed["checkpoints"], "pruned": False}


def test_definitions_are_compiled_explained_and_described_for_editors(served, tmp_path):
    assert "gated" in told(served("workflow", "config", "compile", "--json"))["config"]["workflows"]
    places = told(served("workflow", "config", "explain", "gated", "--json"))["places"]
    assert [place["phase_id"] for place in places] == ["test", "gate"]
    shown = served("workflow", "config", "explain", "gated").out
    assert "worktree  skip" in shown
    assert "gate (manual)" in shown
    assert served("workflow", "config", "explain", "nowhere").code == 3
    file = tmp_path / "workflow.schema.json"
    written = told(served("workflow", "config", "schema", "--file", str(file), "--json"))
    assert written["first_line"] == f"# yaml-language-server: $schema={file}"
    assert json.loads(file.read_text())["type"] == "object"
