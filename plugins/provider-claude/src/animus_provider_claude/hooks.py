"""Holding the program to rules about tool calls: its own hook before every call, which asks this host.

The program is told of the hook before it is told what to do, and told to stop a call whose hook fails. It asks on its
output (``hook_callback``) and waits for a ``control_response``, as Anthropic's own SDK does it.
"""

import json
from typing import Any, Final

from animus_agent_cli.event import Breach, Event, ProgramInput, ToolCall, ToolResult
from animus_agent_cli.loose import as_dict, as_text
from animus_agent_cli.request import AgentRequest, ToolPolicy
from animus_agent_cli.tool_rules import ASK, DENY, Judgement

__all__ = ["HookGate", "hook_response"]

_REGISTRATION: Final = "animus-hooks"
_CALLBACK: Final = "animus-rules"
_EVENT: Final = "PreToolUse"
TIMEOUT_SECONDS: Final = 24 * 3600
"""How long the program waits for the hook: our own word always comes first."""
_UNHOOKED: Final = frozenset({"StructuredOutput"})
"""Tools of the program that are no tools: how it gives its answer."""
_NAMES: Final = {"Task": ("Task", "Agent"), "Agent": ("Agent", "Task")}


class HookGate:
    """The rules of one run, and whether the program keeps asking for them."""

    def __init__(self, request: AgentRequest, first_words: bytes) -> None:
        """Hold back `first_words` until the program has taken the hook."""
        self._rules = request.rules
        self._policy = request.tools or ToolPolicy()
        self._may_allow = request.permission_mode != "plan"
        self._first_words = first_words
        self._names: dict[str, str] = {}
        self._asked: set[str] = set()

    @staticmethod
    def registration() -> bytes:
        """What the program is told before anything else."""
        hook = {"matcher": None, "hookCallbackIds": [_CALLBACK], "timeout": TIMEOUT_SECONDS, "onFailure": "block"}
        request = {"subtype": "initialize", "hooks": {_EVENT: [hook]}}
        return _line({"type": "control_request", "request_id": _REGISTRATION, "request": request})

    def registered(self, response: dict[str, Any]) -> Event | None:
        """What follows from the program's answer to `registration`; None if it answers something else."""
        if response.get("request_id") != _REGISTRATION:
            return None
        taken = as_dict(response.get("response"))
        if response.get("subtype") != "success" or taken.get("hooks_applied") is False:
            return Breach(f"the program did not take the hook that holds it to its rules: {response.get('error')!r}")
        if not taken.get("hook_on_failure_supported"):
            return Breach("this version of the program lets a tool through when a hook fails; update it to use hooks")
        return ProgramInput(self._first_words)

    def judge(self, request: dict[str, Any]) -> Judgement | None:
        """What the rules say about the call of a ``hook_callback``; None leaves it to everything else that decides."""
        given = as_dict(request.get("input"))
        self._asked.add(str(request.get("tool_use_id") or given.get("tool_use_id")))
        tool = str(given.get("tool_name"))
        if self._rules is None:
            return None
        try:
            found = self._rules.judge(_NAMES.get(tool, (tool,)), given.get("tool_input"))
        except Exception as error:  # noqa: BLE001 - what cannot be judged is not let through
            return Judgement(DENY, "(all rules)", f"the call could not be judged: {error}")
        if found is None or found.decision == DENY or self.may_let_through(tool):
            return found
        return found if found.decision == ASK and self._policy.may_use(tool) else None

    def watch(self, event: Event) -> Event | None:
        """The breach, if a tool worked without the hook having been asked about its call."""
        if isinstance(event, ToolCall):
            self._names[event.call_id] = event.name
        if not isinstance(event, ToolResult) or not event.is_success or event.call_id in self._asked:
            return None
        name = self._names.get(event.call_id)
        if name is None or name in _UNHOOKED:
            return None
        return Breach(
            f"the program used {name} without asking for the rules of this run, so it was ended; "
            "settings of the program such as disableAllHooks do that"
        )

    @property
    def ask_seconds(self) -> float:
        """How long somebody is waited for where a rule asks."""
        return 0.0 if self._rules is None else self._rules.ask_seconds

    def may_let_through(self, tool: str) -> bool:
        """Whether leave given here is leave: what the tool policy or the permission mode forbids stays forbidden."""
        return self._may_allow and self._policy.may_use_freely(tool)


def hook_response(request_id: str, decision: str | None, reason: str | None) -> bytes:
    """The answer to a ``hook_callback``; without a decision the call goes its usual way."""
    output: dict[str, Any] = {}
    if decision is not None and decision != ASK:
        words = {"permissionDecision": decision, "permissionDecisionReason": as_text(reason) or decision}
        output = {"hookSpecificOutput": {"hookEventName": _EVENT, **words}}
    response = {"subtype": "success", "request_id": request_id, "response": output}
    return _line({"type": "control_response", "response": response})


def _line(words: dict[str, Any]) -> bytes:
    return json.dumps(words).encode() + b"\n"
