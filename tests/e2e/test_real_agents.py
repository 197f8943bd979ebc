"""The real agent programs through the daemon: rework, failover, a killed daemon, a hang, junk, questions.

Their models are scripted servers on this machine; nothing else is a double.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from animus_scripted_api import CallTool, Conversation, Fail, Reply, Say, Stall, Usage, When

pytestmark = pytest.mark.ci

QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "CLAUDE_CODE_MAX_RETRIES": "0"}
MODELS = {"claude": "claude-sonnet-4-5", "codex": "gpt-5"}
OPEN = {"claude": "", "codex": ", permission_mode: danger-full-access"}
"""What lets an agent work in a checkout below the system's temporary folder."""

DELIVERY = """
default_workflow_ref: animus.task/standard
tools_allowlist: [sh]
agents:
  implementer: {tool: TOOL, model: MODEL}
phases:
  test:
    mode: command
    idempotency: idempotent
    command: {program: sh, args: [-c, "grep -q right file.txt || { echo 'FAILED file.txt is wrong'; exit 1; }"]}
"""
SIMPLE = """
default_workflow_ref: w
workflows:
  - {id: w, worktree: skip, phases: [p]}
  - {id: other, worktree: skip, phases: [other]}
agents: {a: {tool: claude, model: claude-sonnet-4-5, MORE}}
phases:
  p: {mode: agent, agent: a, directive: Do it, PHASE}
  other: {mode: command, command: {program: "true"}}
"""


JUNK = """#!/bin/sh
[ "$1" = --version ] && echo '2.1.300 (Claude Code)' && exit 0
printf '\\377\\376 not json\\n{"type": 7}\\n[]\\n'
echo out of ideas >&2
exit 3
"""


def simple(more: str = "timeout_secs: 120", phase: str = "retry: {max_attempts: 0}") -> str:
    return SIMPLE.replace("MORE", more).replace("PHASE", phase)


def program(variable: str) -> str:
    """A real program: as the environment names it, or where it is installed. Missing is a failure."""
    named = os.environ.get(variable)
    if named is None and variable == "ANIMUS_TEST_CLAUDE":
        import claude_agent_sdk

        named = str(Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude")
    named = named or shutil.which("codex")
    assert named is not None, f"not found; set {variable}"
    assert Path(named).is_file(), f"{named} is missing; set {variable}"
    return named


@pytest.fixture
def serve(project, scripted_api):
    """A scripted model behind both agents; the daemon finds it in its environment."""

    def start(*script):
        api = scripted_api(*script)
        project.environ |= QUIET | {
            "ANIMUS_CLAUDE_PROGRAM": program("ANIMUS_TEST_CLAUDE"),
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": "dummy-key",
            "ANIMUS_CODEX_PROGRAM": program("ANIMUS_TEST_CODEX"),
            "ANIMUS_CODEX_BASE_URL": api.openai_url,
            "OPENAI_API_KEY": "dummy-key",
            "CODEX_HOME": str(project.root.parent / "codex"),
        }
        (project.root.parent / "codex").mkdir()
        return api

    return start


def commit(project) -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", "definitions")


def write(text: str) -> CallTool:
    return CallTool("shell", {"command": f"echo {text} > file.txt"})


def outcome(project) -> dict:
    """Run the default workflow to its end, whichever it is; the run in full."""
    done = project.animus("workflow", "run", "--sync", "--json")
    assert done.code in {0, 6}, done.err
    return (done.data if done.code == 0 else done.error["details"])["detail"]


def begin(project) -> str:
    """Start the default workflow on a new subject; returns the run's id once it has one."""
    return project.json("workflow", "run", "--title", "Make it right")["workflow_id"]


def waiting(project, run: str) -> dict | None:
    """What the run waits for."""
    return project.ask("workflow", "get", run)["detail"].get("waiting")


@pytest.mark.parametrize("tool", ["claude", "codex"])
def test_standard_delivery_reworks_what_the_tests_refuse(project, serve, tool):
    api = serve(
        Conversation([write("wrong"), Say("I wrote it.")], When(contains="Implement the subject"), times=1),
        Conversation([Reply((write("right"),), Usage(input=1000, output=50)), Say("Corrected.")]),
    )
    project.workflows(DELIVERY.replace("TOOL", tool).replace("MODEL", MODELS[tool] + OPEN[tool]))
    project.write("file.txt", "nothing\n")
    commit(project)
    assert project.animus("daemon", "start").code == 0
    subject = project.json("subject", "create", "--title", "Make it right")["id"]
    parked = project.json("workflow", "run", "--subject", subject, "--sync")
    assert (parked["status"], parked["waiting"]["kind"]) == ("paused", "gate"), parked
    run = parked["workflow_id"]
    assert project.animus("workflow", "phase", "approve", run).code == 0
    done = project.wait_for_status(run, "completed", "failed")
    assert done["status"] == "completed", json.dumps(done["detail"])
    done = done["detail"]
    assert (project.root / "file.txt").read_text() == "right\n"
    rows = [row for row in done["phases"] if row["phase_id"] == "implementation"]
    assert [row["attempt"] for row in rows] == [1, 2]
    assert all(row["target"].startswith(tool) and row["tokens"]["input"] > 0 for row in rows)
    assert done["tokens"]["output"] > 0
    assert any("FAILED file.txt is wrong" in request.text for request in api.requests)
    assert api.problems == []


def test_exhausted_quota_goes_to_the_second_agent(project, serve):
    serve(
        Conversation(
            [Fail(429, message="You exceeded your current quota")], When(dialect="anthropic"), repeat_last=True
        ),
        Conversation([write("right"), Say("done")], When(dialect="responses")),
    )
    project.workflows(
        simple("fallback_models: [gpt-5], fallback_tools: [codex], retry_on: [unknown], no_retry_on: [transient]")
    )
    assert project.animus("daemon", "start").code == 0
    done = outcome(project)
    (row,) = done["phases"]
    assert [call["target"] for call in row["calls"]] == ["claude (claude-sonnet-4-5)", "codex (gpt-5)"], row
    assert row["calls"][0]["failure"] == "provider_exhaustion", row
    assert done["status"] == "completed", done


def test_killed_daemon_resumes_the_agents_session(project, serve):
    api = serve(write("half"), [Say("still "), Stall(600)], write("right"), Say("done"))
    project.workflows(simple())
    assert project.animus("daemon", "start").code == 0
    run = begin(project)
    api.wait_for_requests(2, timeout_seconds=60)
    project.kill("animus_kernel")
    assert project.animus("daemon", "start").code == 0
    done = project.wait_for_status(run, "completed", "failed", "paused")
    assert done["status"] == "completed", json.dumps(done["detail"])
    (row,) = done["detail"]["phases"]
    assert (row["attempt"], row["starts"]) == (1, 2)
    assert [call["purpose"] for call in row["calls"]] == ["run", "resume"]
    assert len({request.conversation for request in api.requests}) == 1
    assert (project.root / "file.txt").read_text() == "right\n"


def test_hung_agent_is_ended_at_its_time_limit(project, serve, wait_until):
    api = serve([Stall(600)])
    for limit in (8, 90):  # a loaded machine may need more than the first to ask the model at all
        project.workflows(simple(f"timeout_secs: {limit}"))
        assert project.animus("daemon", "start").code == 0
        done = outcome(project)
        assert done["status"] == "failed", done
        assert f"ran longer than {limit} s" in done["reason"]
        if api.requests:
            break
        assert project.animus("daemon", "stop").code == 0
    assert len(api.requests) == 1
    claude = os.path.realpath(project.environ["ANIMUS_CLAUDE_PROGRAM"])
    wait_until(
        lambda: not any(line.startswith(claude) for line in project.processes().values()),
        what="the agent's end",
    )


def test_agent_that_prints_junk_fails_with_what_it_said(project, serve):
    serve([Say("never asked")])
    junk = project.write("junk.sh", JUNK)
    junk.chmod(0o755)
    project.environ["ANIMUS_CLAUDE_PROGRAM"] = str(junk)
    project.workflows(simple("max_attempts: 1"))
    assert project.animus("daemon", "start").code == 0
    done = outcome(project)
    assert done["status"] == "failed", done
    assert "out of ideas" in done["reason"]


def test_agent_asks_a_person_and_goes_on_with_the_answer(project, serve, wait_until):
    serve(write("right"), Say("done"))
    project.workflows(simple("approval_policy: {default: ask}"))
    assert project.animus("daemon", "start", "--pool-size", "1").code == 0
    run = begin(project)

    asked = wait_until(lambda: waiting(project, run), what="a question")
    assert (asked["kind"], asked["interaction_kind"]) == ("interaction", "approval"), asked
    assert project.json("workflow", "run", "other", "--sync")["status"] == "completed", "it held the only slot"
    answer = project.animus("agent", "interactions", "answer", asked["interaction_id"], "--allow")
    assert answer.code == 0, answer
    done = project.wait_for_status(run, "completed", "failed")
    assert done["status"] == "completed", json.dumps(done["detail"])
    assert (project.root / "file.txt").read_text() == "right\n"
    assert done["detail"]["interactions"][0]["status"] == "answered"


def test_killed_daemon_leaves_the_question_to_the_resumed_agent(project, serve, wait_until):
    # The agent that lost its daemon may ask its model once more before it is ended, and use up a turn of the script.
    serve(write("right"), write("right"), write("right"), Say("done"))
    project.workflows(simple("approval_policy: {default: ask}"))
    assert project.animus("daemon", "start").code == 0
    run = begin(project)
    asked = wait_until(lambda: waiting(project, run), what="a question")
    project.kill("animus_kernel")
    assert project.animus("daemon", "start").code == 0
    again = wait_until(lambda: waiting(project, run), what="the same question")
    assert again["interaction_id"] == asked["interaction_id"]
    answer = project.animus("agent", "interactions", "answer", asked["interaction_id"], "--allow")
    assert answer.code == 0, answer

    def is_over() -> bool:
        """Allows what else is asked."""
        question = waiting(project, run)
        if question is not None and question["kind"] == "interaction":
            project.animus("agent", "interactions", "answer", question["interaction_id"], "--allow")
        return project.ask("workflow", "get", run)["status"] in {"completed", "failed"}

    wait_until(is_over, what="the end of the run")
    done = project.json("workflow", "get", run)
    assert done["status"] == "completed", json.dumps(done["detail"])


RULES = """hooks: {policy_rules: [
  {id: no-wrong, tools: [Bash], input_matchers: [{field: command, regex: wrong}], decision: deny, reason: it is wrong},
  {id: ask-first, tools: [Bash], decision: ask}], observers: [{events: [pre_tool_use, post_tool_use]}]}"""


def test_rules_of_an_agent_deny_ask_and_record(project, serve, wait_until):
    api = serve(write("wrong"), write("right"), Say("done"))
    project.workflows(simple(RULES))
    assert project.animus("daemon", "start").code == 0
    run = begin(project)
    asked = wait_until(lambda: waiting(project, run), what="a question")
    assert asked["tool"] == "Bash", asked
    assert "ask-first" in asked["question"]
    assert "rule 'no-wrong': it is wrong" in api.requests[1].last_text
    assert not (project.root / "file.txt").exists()
    answer = project.animus("agent", "interactions", "answer", asked["interaction_id"], "--allow")
    assert answer.code == 0, answer
    done = project.wait_for_status(run, "completed", "failed")
    assert done["status"] == "completed", json.dumps(done["detail"])
    assert (project.root / "file.txt").read_text() == "right\n"
    (records,) = Path(project.environ["ANIMUS_CONFIG_DIR"]).rglob(f"runs/{run}/*.hooks.jsonl")
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["pre_tool_use", "post_tool_use"] * 2


def test_agent_that_names_the_own_server_makes_a_task_with_it(project, serve):
    serve(CallTool("subject_create", {"title": "Made by an agent"}, server="animus"), Say("done"))
    project.workflows(simple("mcp_servers: [ao]"))
    assert project.animus("daemon", "start").code == 0
    done = outcome(project)
    assert done["status"] == "completed", done
    assert "Made by an agent" in {row["title"] for row in project.json("subject", "list")["subjects"]}
