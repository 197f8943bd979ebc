"""The agent commands, with a provider that asks and one that only talks."""

import datetime
import json
import os
import sys
from pathlib import Path

import pytest

from animus_cli.commands import interactions, messages
from animus_cli.failure import CommandError
from animus_cli.render.interaction import one, page
from animus_cli.terminal import Screen
from animus_composition.scaffold.agents import KNOWN, offers
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.workflow_runner import WaitingFor, WorkflowInspectResult

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
PIPE = Screen(width=None, colour=False, now=NOW)
WORKFLOWS = """
tools: {parrot: {executable: sh, base_args: ["-c", "cat; echo; echo done"]}}
agents: {a: {system_prompt: Be brief., tool: parrot}, b: {system_prompt: Be long., tool: claude, model: large}}
workflows: [{id: w, worktree: skip, phases: [p]}]
phases: {p: {mode: agent, agent: a, directive: Say it.}}
"""
APPROVAL = {"interaction_id": "i-1", "kind": "approval", "phase_id": "code", "path": "code", "tool": "Bash",
            "arguments": {"command": "rm x"}, "status": "pending", "asked_at": "2026-03-01T11:00:00Z"}  # fmt: skip
QUESTION = {"interaction_id": "i-2", "kind": "question", "phase_id": "code", "question": "Which?",
            "options": ["left", "right"], "status": "pending", "asked_at": "2026-03-01T11:30:00Z"}  # fmt: skip


class Runs:
    """An invocation with one run whose agent asks `rows`; remembers what is answered."""

    def __init__(self, *rows):
        self.json = True
        self.answered = []
        self.shown = None
        waiting = WaitingFor(kind="interaction", reason="May I?", command="x")
        values = {"id": "run-1", "definition": "w", "status": "running", "started_at": NOW, "waiting": waiting}
        self._summary = control.WorkflowRunSummary(**values)
        self._whole = control.WorkflowGetResult(**values, detail={"interactions": list(rows)})

    def call(self, operation, params):
        if operation.name == "workflow/answer":
            self.answered.append(params)
            return control.WorkflowSignalResult(id="run-1", status="running")
        if operation.name == "workflow/list":
            return control.WorkflowListResult(runs=[self._summary])
        return self._whole

    def show(self, data, lines):
        self.shown = data
        lines(PIPE)


def answer(runs, interaction=None, **given):
    values = {"interaction": interaction, "allow": False, "deny": False, "text": None, "message": None} | given
    return _function(interactions.answer)(runs, **values)


def _function(command):
    """What a declared command runs, without click around it."""
    return next(cell.cell_contents for cell in command.callback.__closure__ if callable(cell.cell_contents))


def test_what_is_asked_is_listed_latest_first():
    runs = Runs(APPROVAL, QUESTION | {"status": "answered"}, QUESTION)
    _function(interactions.listed)(runs, everything=False, limit=50, offset=0)
    assert [row["interaction_id"] for row in runs.shown["interactions"]] == ["i-2", "i-1"]
    assert runs.shown["interactions"][0]["run"] == "run-1"
    _function(interactions.listed)(runs, everything=True, limit=1, offset=0)
    assert (len(runs.shown["interactions"]), runs.shown["total"]) == (1, 3)


def test_an_approval_is_allowed_or_denied():
    runs = Runs(APPROVAL)
    answer(runs, allow=True)
    answer(runs, "i-1", deny=True, message="too much")
    sent = [(one.id, one.interaction_id, one.decision, one.message) for one in runs.answered]
    assert sent == [("run-1", "i-1", "allow", None), ("run-1", "i-1", "deny", "too much")]


def test_a_question_gets_a_text():
    runs = Runs(QUESTION)
    answer(runs, "i-2", text="left")
    assert (runs.answered[0].decision, runs.answered[0].answer) == ("allow", "left")


@pytest.mark.parametrize(
    ("rows", "interaction", "given", "code"),
    [
        ((APPROVAL,), None, {}, "invalid_input"),
        ((APPROVAL,), None, {"allow": True, "deny": True}, "invalid_input"),
        ((APPROVAL,), None, {"text": "yes"}, "invalid_input"),
        ((QUESTION,), None, {"allow": True}, "invalid_input"),
        ((), None, {"allow": True}, "not_found"),
        ((APPROVAL,), "i-9", {"allow": True}, "not_found"),
        ((APPROVAL | {"status": "answered"},), "i-1", {"allow": True}, "conflict"),
        ((APPROVAL, QUESTION), None, {"allow": True}, "conflict"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_next_command(rows, interaction, given, code):
    runs = Runs(*rows)
    with pytest.raises(CommandError) as caught:
        answer(runs, interaction, **given)
    assert caught.value.code == code
    assert caught.value.next_step.startswith("animus agent interactions ")
    assert runs.answered == []


def test_what_is_asked_is_shown_with_the_commands_that_answer_it():
    text = "\n".join(one(APPROVAL | {"run": "run-1"}, PIPE))
    assert '"command": "rm x"' in text
    assert "next: animus agent interactions answer i-1 --deny" in text
    assert 'answer i-2 --text "..."' in "\n".join(page([QUESTION], PIPE))
    assert "  - left" in one(QUESTION, PIPE)


def test_agents_of_the_workflow_files_are_listed(animus, project, flavor):
    (project / ".animus").mkdir()
    (project / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    rows = {row["id"]: row for row in animus("agent", "list", "--json").data["agents"]}
    assert (rows["a"]["tool"], rows["a"]["program"]) == ("parrot", "sh")
    assert (rows["b"]["tool"], rows["b"]["model"]) == ("claude", "large")
    assert animus("agent", "status").out == "No agent is at work.\n"


def test_a_session_runs_outside_of_any_workflow(animus, project, flavor):
    (project / ".animus").mkdir()
    (project / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    told = animus("agent", "run", "--tool", "parrot", "--prompt", "hello there")
    assert told.code == 0, told.err
    assert told.out.startswith("hello there\n")
    assert animus("agent", "run", "--tool", "parrot", "--prompt", "x", "--json").data["exit_code"] == 0
    nobody = animus("agent", "run", "--tool", "nobody", "--prompt", "x", "--json")
    assert nobody.code == 5
    assert "providers here" in nobody.error["message"]
    assert animus("agent", "run", "--tool", "parrot").code == 2


def test_agents_that_are_here_are_offered(tmp_path, monkeypatch):
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    here = {offer.agent.tool for offer in offers({"OPENAI_BASE_URL": "http://localhost/v1"})}
    assert here == {"claude", "oai"}
    assert offers({}) == [offer for offer in offers({}) if offer.agent.tool == "claude"]


def test_an_agent_is_here_where_its_variable_names_the_program(tmp_path, monkeypatch):
    program = tmp_path / "another-name"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert {offer.agent.tool for offer in offers({"ANIMUS_CODEX_PROGRAM": str(program)})} == {"codex"}
    assert offers({"ANIMUS_CODEX_PROGRAM": str(tmp_path / "nowhere")}) == []


@pytest.mark.parametrize("agent", KNOWN, ids=lambda agent: agent.tool)
def test_init_writes_definitions_for_the_agent_that_was_chosen(animus, project, flavor, agent):
    (project / "Makefile").write_text("test:\n\ttrue\n")
    done = animus("init", "--agent", agent.tool, "--json", PATH=os.defpath)
    assert done.code == 0, done.err
    assert done.data["tool"] == agent.tool
    assert [file["path"] for file in done.data["files"]] == ["animus.toml", ".animus/workflows.yaml"]
    assert f"    tool: {agent.tool}\n" in (project / ".animus" / "workflows.yaml").read_text()
    assert any(agent.tool in sentence for sentence in done.data["missing"])
    errors = animus("workflow", "config", "validate", "--json")
    assert errors.code == 0, errors.err
    rows = {row["id"]: row for row in animus("agent", "list", "--json").data["agents"]}
    assert rows["implementer"]["tool"] == agent.tool


PLUGIN = """#!{python} -P
import os
import sys
from animus_plugin_protocol import Context, Plugin, methods
from animus_plugin_protocol.wire.lifecycle import EnvRequirement, HealthCheckResult
from animus_plugin_protocol.wire.provider import AgentRunParams, AgentRunResult

plugin = Plugin("animus-provider-fussy", "1.0", description="Needs things.")
plugin.require_env(EnvRequirement(name="FUSSY_KEY", description="its key", required=True))


def run(params: AgentRunParams, context: Context) -> AgentRunResult:
    raise AssertionError


def health() -> HealthCheckResult:
    path = os.environ["PATH"]
    reason = f"the program 'fussy' is not on PATH ({{path}}); install it"
    return HealthCheckResult(status="unhealthy", last_error=reason)


plugin.register_method(methods.AGENT_RUN, run)
plugin.on_health(health)
sys.exit(plugin.run())
"""


def test_doctor_and_preflight_name_what_a_provider_lacks(animus, project, flavor):
    file = Path(project) / ".animus" / "plugins" / "animus-provider-fussy"
    file.parent.mkdir(parents=True)
    file.write_text(PLUGIN.format(python=sys.executable))
    file.chmod(0o755)
    assert animus("plugin", "trust", str(file)).code == 0
    unused = {one["id"]: one for one in json.loads(animus("doctor", "--json").out)["data"]["findings"]}
    assert "environment:provider-fussy" not in unused
    assert unused["provider:provider-fussy"]["severity"] == "ok"
    assert "no workflow needs it" in unused["provider:provider-fussy"]["message"]
    (project / ".animus" / "workflows.yaml").write_text("agents: {f: {system_prompt: Hm., tool: fussy}}\n")
    findings = {one["id"]: one for one in json.loads(animus("doctor", "--json").out)["data"]["findings"]}
    assert "FUSSY_KEY (its key)" in findings["environment:provider-fussy"]["message"]
    assert findings["provider:provider-fussy"]["message"].endswith("the program 'fussy' is not on PATH; install it")
    warnings = animus("daemon", "preflight", "--json").data["warnings"]
    assert any("FUSSY_KEY" in one["message"] for one in warnings)


class Channels(Runs):
    """An invocation whose runner knows two channels."""

    def call(self, operation, params):
        assert (operation.name, params.what) == ("workflow/inspect", "channels")
        said = [{"sender": "a", "text": "first", "created_at": "2026-03-01T10:00:00Z"}]
        said += [{"sender": "b", "text": "second", "created_at": "2026-03-01T11:00:00Z"}]
        rows = [{"channel": "design", "messages": said}, {"channel": "@b", "messages": said[:1]}]
        return WorkflowInspectResult(what="channels", value={"channels": rows})


def test_messages_of_agents_are_listed_latest_first_and_by_channel():
    runs = Channels()
    _function(messages.listed)(runs, channel=None, limit=50, offset=0)
    assert [row["text"] for row in runs.shown["messages"]] == ["second", "first", "first"]
    _function(messages.listed)(runs, channel="@b", limit=50, offset=0)
    assert [(row["channel"], row["text"]) for row in runs.shown["messages"]] == [("@b", "first")]
    with pytest.raises(CommandError, match="Did you mean 'design'"):
        _function(messages.listed)(runs, channel="desing", limit=50, offset=0)


def test_interaction_is_found_by_the_beginning_of_its_id():
    runs = Runs(APPROVAL, QUESTION | {"interaction_id": "j-2"})
    answer(runs, "i", allow=True)
    assert [params.interaction_id for params in runs.answered] == ["i-1"]
    with pytest.raises(CommandError, match="say which: i-2, i-1"):
        answer(Runs(APPROVAL, QUESTION), "i-", allow=True)
