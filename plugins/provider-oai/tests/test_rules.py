"""Rules about tool calls, in the agent's own loop."""

import re

import pytest

from animus_agent_cli.request import ApprovalPolicy, ToolPolicy
from animus_agent_cli.tool_rules import InputMatcher, ToolRule, ToolRules
from animus_provider_oai.approval import Answer
from animus_scripted_api import CallTool, Say

_MAKE = CallTool("shell", {"command": "touch made"})


def rules(decision, *tools, **patterns):
    matchers = tuple(InputMatcher(field, re.compile(pattern)) for field, pattern in patterns.items())
    return ToolRules((ToolRule("it", decision, tools, matchers, "said so"),), ask_seconds=60)


def test_call_that_a_rule_denies_is_not_made_and_the_model_is_told_why(scripted_api, run_agent, worktree_folder, log):
    api = scripted_api(_MAKE, CallTool("shell", {"command": "touch other"}), Say("ok"))
    run_agent(api, rules=rules("deny", "Bash", command="made"))
    assert [path.name for path in worktree_folder.iterdir()] == ["other"]
    assert "not allowed: rule 'it': said so" in api.requests[1].last_text
    assert any("shell was denied by rule 'it'" in problem for problem in log.problems)


def test_rule_is_about_reading_too_and_knows_the_names_of_other_agents(scripted_api, run_agent, worktree_folder):
    (worktree_folder / "secret").write_text("MARK")
    api = scripted_api(CallTool("read", {"path": "secret"}), Say("ok"))
    run_agent(api, rules=rules("deny", "Read", file_path="secret"))
    assert "MARK" not in api.requests[1].text


@pytest.mark.parametrize("is_allowed", [True, False])
def test_rule_that_asks_waits_for_a_person_without_any_approval_policy(
    scripted_api, run_agent, worktree_folder, is_allowed
):
    asked = []

    def on_question(interactions, question):
        asked.append(question)
        interactions.respond(question.interaction_id, Answer(is_allowed=is_allowed))

    run_agent(scripted_api(_MAKE, Say("ok")), rules=rules("ask", "shell"), on_question=on_question)
    assert (worktree_folder / "made").exists() is is_allowed
    assert (asked[0].payload["rule"], asked[0].timeout_seconds) == ("it", 60)


def test_rule_that_allows_spares_the_question_and_opens_nothing(scripted_api, run_agent, worktree_folder):
    denying = ApprovalPolicy("deny", 60)
    run_agent(scripted_api(_MAKE, Say("ok")), rules=rules("allow", "shell"), approvals=denying)
    assert (worktree_folder / "made").exists()
    (worktree_folder / "made").unlink()
    closed = ToolPolicy(deny=("shell",))
    run_agent(scripted_api(_MAKE, Say("ok")), rules=rules("allow", "shell"), tools=closed)
    assert not (worktree_folder / "made").exists()
