"""Agents that fail, that answer with nothing of use, and that wait for a person."""

import pytest

pytestmark = pytest.mark.ci

AGENT = """#!/bin/sh
# Fails as it is told, until somebody has put it right.
cat > /dev/null
mark="$ANIMUS_PROJECT_ROOT/mended-$ANIMUS_SUBJECT_NATIVE_ID"
case "$1" in
  decide)
    if [ -e "$mark" ]; then echo '{"kind": "phase_decision", "verdict": "advance", "confidence": 1, "reason": "fine"}'
    else echo '{"kind": "phase_decision", "verdict": "perhaps", "confidence": 1, "reason": "hm"}'; fi ;;
  again)
    [ -e "$mark" ] || { touch "$mark"; echo 'connection reset by peer' >&2; exit 1; }
    until [ -e "$ANIMUS_PROJECT_ROOT/go-$ANIMUS_SUBJECT_NATIVE_ID" ]; do sleep 0.02; done ;;
  *) [ -e "$mark" ] || { echo "$1" >&2; exit 1; } ;;
esac
echo done
"""
TROUBLE = {
    "exhausted": "your quota is used up",
    "unsigned": "401 unauthorized",
    "away": "unknown model",
    "again": "again",
}
DEFINITIONS = """
workflows:
  - {id: decides, worktree: skip, phases: [decides]}
  - {id: asks, worktree: skip, phases: [asks]}
WORKFLOWS
phases:
  decides:
    mode: agent
    directive: Decide.
    runtime: {tool: decide}
    decision_contract: {min_confidence: 0.5}
    retry: {max_attempts: 0}
  asks: {mode: agent, directive: Do it., agent: careful}
PHASES
agents:
  careful: {tool: oai, model: scripted, approval_policy: {default: ask, timeout_secs: 600}}
tools:
  decide: {executable: sh, base_args: [agent.sh, decide]}
TOOLS
"""


@pytest.fixture
def agents(stage, scripted_api):
    """The stage with agents; `oai` asks a scripted model."""
    from animus_scripted_api import CallTool, Conversation, Say, When

    asking = "What should I do?"
    api = scripted_api(
        Conversation([CallTool("ask", {"question": asking}), Say("done")], When(contains="A question")),
        Conversation([CallTool("shell", {"command": "true"}), Say("done")]),
    )
    stage.project.environ |= {"ANIMUS_OAI_BASE_URL": api.openai_url}
    stage.project.write("agent.sh", AGENT)
    stage.define(
        "agents",
        DEFINITIONS.replace(
            "WORKFLOWS", "\n".join(f"  - {{id: {name}, worktree: skip, phases: [{name}]}}" for name in TROUBLE)
        )
        .replace(
            "PHASES",
            "\n".join(f"  {name}: {{mode: agent, directive: x, runtime: {{tool: {name}}}}}" for name in TROUBLE),
        )
        .replace(
            "TOOLS",
            "\n".join(
                f"  {name}: {{executable: sh, base_args: [agent.sh, {word!r}]}}" for name, word in TROUBLE.items()
            ),
        ),
    )
    return stage


def _mend(stage, subject):
    (stage.root / f"mended-{subject.partition(':')[2]}").touch()


@pytest.mark.parametrize(
    ("workflow", "state"),
    [
        ("exhausted", "quota-exhausted"),
        ("unsigned", "agent-not-signed-in"),
        ("away", "agent-target-unavailable"),
        ("decides", "decision-invalid"),
    ],
)
def test_work_of_an_agent_with_trouble_is_done_once_that_is_over(agents, workflow, state):
    subject = agents.ask(workflow)
    agents.until(subject, "failed", "escalated")
    agents.frees(state, subject, mend=lambda: _mend(agents, subject))
    agents.again(subject, workflow)


def test_agent_that_is_tried_again_ends(agents):
    subject = agents.ask("again")
    agents.frees("agent-tries-again", subject, mend=lambda: agents.let(subject))
    agents.until(subject, "completed")


def test_agent_that_asks_for_leave_gets_it(agents):
    agents.do("daemon", "restart")
    subject = agents.ask("asks")
    row = agents.cause("approval-asked", subject)
    agents.do(*row["command"].split()[1:5], "--allow")
    agents.until(subject, "completed")


def test_agent_that_asks_a_question_gets_an_answer(agents):
    agents.do("daemon", "restart")
    subject = agents.ask("asks", task=agents.task("A question"))
    row = agents.cause("question-asked", subject)
    agents.do(*row["command"].split()[1:5], "--text", "That.")
    agents.until(subject, "completed")
