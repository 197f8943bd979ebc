"""The runs that are killed: one for each way of going on that a runner has, small enough to be killed everywhere.

`EFFECT` appends run, place and attempt to the ledger, which is what really happened, whatever the journal says.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

EFFECT = 'echo "$ANIMUS_RUN_ID $(basename $ANIMUS_CONTEXT_FILE .context.json)" >> $ANIMUS_PROJECT_ROOT/ledger.log'
HEAD = "tools_allowlist: [sh, test]\n"


class Flow(NamedTuple):
    """A workflow ``w``, and what else is true of its runs."""

    text: str
    needs_git: bool = False
    landed: str | None = None
    """The file that is on ``main`` afterwards, once."""
    agent: Callable[[str, int], dict[str, Any]] | None = None
    """What the agent of a phase answers at an attempt."""
    tells_session: bool = False


def command(name: str, more: str = "true", extra: str = "") -> str:
    """A command phase that leaves its line in the ledger, then does something."""
    return (
        f"  {name}:\n    mode: command\n    idempotency: IDEMPOTENCY\n{extra}"
        f"    command: {{program: sh, args: [-c, '{EFFECT}; {more}']}}\n"
    )


COMMANDS = f"""{HEAD}
workflows:
  - {{id: w, worktree: skip, phases: [one, {{two: {{on_verdict: {{rework: {{target: one}}}}}}}}, three]}}
phases:
{command("one")}{command("two", "test $ANIMUS_PHASE_ATTEMPT = 2")}{command("three")}
"""

GATES = f"""{HEAD}
workflows:
  - {{id: w, worktree: skip, phases: [one, look, two, again]}}
phases:
{command("one")}{command("two")}
  look: {{mode: manual, manual: {{instructions: look, approval_note_required: true}}}}
  again: {{mode: manual, manual: {{instructions: look again}}}}
"""

NESTED = f"""{HEAD}
workflows:
  - {{id: w, worktree: skip, phases: [{{workflow_ref: inner}}, between, {{workflow_ref: middle}}]}}
  - {{id: middle, worktree: skip, phases: [{{workflow_ref: inner}}, last]}}
  - {{id: inner, worktree: skip, phases: [shared]}}
phases:
{command("shared")}{command("between")}{command("last")}
"""

EVALS = f"""{HEAD}
workflows:
  - {{id: w, worktree: skip, phases: [work, after]}}
phases:
{
    command(
        "work",
        "true",
        '''    evals:
      on_fail: rework
      max_reworks: 3
      checks: [{id: third, kind: command, command: sh, args: [-c, 'grep -q attempt-3 $ANIMUS_PROJECT_ROOT/ledger.log']}]
''',
    )
}{command("after")}
"""

CHECKPOINTS = f"""{HEAD}
retention: {{checkpoints: {{keep_last_per_phase: 1, auto_prune_on_completion: true}}}}
workflows:
  - {{id: w, worktree: skip, phases: [one, {{two: {{on_verdict: {{rework: {{target: one}}}}}}}}]}}
phases:
{command("one")}{command("two", "test $ANIMUS_PHASE_ATTEMPT = 3")}
"""

AGENTS = """
agents: {coder: {system_prompt: You code., tool: scripted}, reviewer: {system_prompt: You review., tool: scripted}}
workflows:
  - {id: w, worktree: skip, phases: [implement, {review: {on_verdict: {rework: {target: implement}}}}]}
phases:
  implement: {mode: agent, agent: coder, directive: code, idempotency: IDEMPOTENCY}
  review:
    {mode: agent, agent: reviewer, directive: look, idempotency: IDEMPOTENCY, decision_contract: {min_confidence: 0.5}}
"""


def landing(strategy: str) -> str:
    """A run in a worktree whose work is brought in."""
    writes = "    capabilities: {writes_files: true}\n"
    return f"""{HEAD}
workflows:
  - id: w
    phases: [write, check]
    post_success: {{merge: {{strategy: {strategy}, target_branch: main, auto_merge: true}}}}
phases:
{command("write", "echo new > new.txt", writes)}{command("check", "test -e new.txt")}
"""


def reviewed(phase: str, attempt: int) -> dict[str, Any]:
    """The review sends the work back once."""
    verdict = "rework" if phase == "review" and attempt == 1 else "advance"
    return {"verdict": verdict, "confidence": 0.9, "risk": "low", "reason": f"{phase} {attempt}"}


FLOWS = {
    "commands, one of which reworks another": Flow(COMMANDS),
    "gates": Flow(GATES),
    "workflows in workflows": Flow(NESTED),
    "evals that fail twice": Flow(EVALS),
    "checkpoints, one of each phase": Flow(CHECKPOINTS),
    "agents, a review that reworks": Flow(AGENTS, agent=reviewed),
    "agents whose session is known": Flow(AGENTS, agent=reviewed, tells_session=True),
    "worktree and merge": Flow(landing("merge"), needs_git=True, landed="new.txt"),
    "worktree and squash": Flow(landing("squash"), needs_git=True, landed="new.txt"),
    "worktree and rebase": Flow(landing("rebase"), needs_git=True, landed="new.txt"),
}


class ScriptedProvider:
    """The provider at the other end of the host: leaves its line in the ledger, then answers."""

    def __init__(self, flow: Flow, ledger: Path, host: Any, reply: Callable[..., dict[str, Any]]) -> None:
        self._flow, self._ledger, self._host, self._reply = flow, ledger, host, reply

    def __call__(self, call: dict[str, Any]) -> dict[str, Any]:
        params = call["params"]
        if call["method"] == "agent/cancel":
            return {}
        phase = params["context"]["phase"]
        session = f"session-{phase['path']}-{phase['attempt']}"
        if call["method"] == "agent/run":
            with self._ledger.open("a") as stream:
                stream.write(f"{params['context']['workflow']['id']} {phase['path']}.attempt-{phase['attempt']}\n")
        if self._flow.tells_session:
            self._host.tell(call, "agent/sessionStarted", {"resume_id": session})
        else:
            self._host.tell(call, "agent/output", {"text": "working", "final": False})
        answer = self._flow.agent(phase["id"], phase["attempt"]) if self._flow.agent else {}
        known = {"resume_id": session} if self._flow.tells_session else {}
        return self._reply(json.dumps(answer), **known)
