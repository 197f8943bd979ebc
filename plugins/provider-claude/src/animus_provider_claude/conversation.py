"""One run of the program: its command, its stream, and what it is answered when it asks for leave.

The program asks on its output (``control_request`` with ``can_use_tool``) and waits for a ``control_response`` on its
input, as Anthropic's own SDK does it.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from animus_agent_cli.conversation import AgentCommand, Answer
from animus_agent_cli.event import Event, InteractionRequested, InteractionWithdrawn, Problem, ProgramInput
from animus_agent_cli.loose import as_dict, as_list
from animus_agent_cli.request import AgentRequest, ToolPolicy
from animus_agent_cli.tool_rules import ALLOW, ASK, DENY
from animus_provider_claude.command import command_of, is_open
from animus_provider_claude.hooks import HookGate, hook_response
from animus_provider_claude.stream import ClaudeStream

__all__ = ["ClaudeConversation"]

_QUESTION_TOOL: Final = "AskUserQuestion"


class ClaudeConversation:
    """See `animus_agent_cli.Conversation`."""

    def __init__(self, request: AgentRequest) -> None:
        """Begin.

        Raises:
            UnsupportedError: the program cannot do what is asked.
        """
        command = command_of(request)
        self._gate = None if request.rules is None else HookGate(request, command.input)
        self.command: AgentCommand = (
            command if self._gate is None else command._replace(input=self._gate.registration())
        )
        self._policy = request.tools or ToolPolicy()
        self._is_open = is_open(request)
        self._stream = ClaudeStream()
        self._asked: dict[str, dict[str, Any]] = {}
        self._asked_by_rule: dict[str, str] = {}

    def read(self, line: dict[str, Any]) -> Iterator[Event]:
        """What a line says; a request for leave is asked on, or answered at once where nobody needs to be asked."""
        kind = line.get("type")
        if kind == "control_request":
            yield from self._control(str(line.get("request_id")), as_dict(line.get("request")))
        elif kind == "control_cancel_request":
            yield InteractionWithdrawn(str(line.get("request_id")))
        elif kind == "control_response":
            found = None if self._gate is None else self._gate.registered(as_dict(line.get("response")))
            yield from () if found is None else (found,)
        else:
            for event in self._stream.read(line):
                breach = None if self._gate is None else self._gate.watch(event)
                yield event if breach is None else breach

    def answer(self, interaction_id: str, answer: Answer) -> bytes:
        """The answer in the program's words."""
        tool = self._asked_by_rule.pop(interaction_id, None)
        if tool is not None and self._gate is not None:
            allowed = ALLOW if self._gate.may_let_through(tool) else None
            words = answer.message or answer.text or "a person decided"
            return hook_response(interaction_id, allowed if answer.is_allowed else DENY, words)
        request = self._asked.pop(interaction_id, {})
        return _response(interaction_id, _decision(request, answer))

    def end(self, exit_code: int, errors: str) -> Iterator[Event]:  # noqa: ARG002 - as the seam says
        """What was used and not added up."""
        yield from self._stream.end()

    def _control(self, request_id: str, request: dict[str, Any]) -> Iterator[Event]:
        if request.get("subtype") == "hook_callback" and self._gate is not None:
            yield from self._judge(request_id, request, self._gate)
        elif request.get("subtype") == "can_use_tool":
            yield self._leave(request_id, request)
        else:
            error = f"this host does not serve {request.get('subtype')!r}"
            response = {"subtype": "error", "request_id": request_id, "error": error}
            yield ProgramInput(_line({"type": "control_response", "response": response}))

    def _judge(self, request_id: str, request: dict[str, Any], gate: HookGate) -> Iterator[Event]:
        found = gate.judge(request)
        given = as_dict(request.get("input"))
        tool = str(given.get("tool_name"))
        if found is None or (tool == _QUESTION_TOOL and found.decision != DENY):  # that one asks a person anyway
            yield ProgramInput(hook_response(request_id, None, None))
        elif found.decision == ASK:
            self._asked_by_rule[request_id] = tool
            payload = {"action": f"use {tool} ({found.words})", "tool_name": tool, "arguments": given.get("tool_input")}
            yield InteractionRequested(request_id, "approval", {**payload, "rule": found.rule}, gate.ask_seconds)
        else:
            if found.decision == DENY:
                yield Problem(f"{tool} was denied by {found.words}")
            yield ProgramInput(hook_response(request_id, found.decision, f"decided by {found.words}"))

    def _leave(self, request_id: str, request: dict[str, Any]) -> Event:
        tool = str(request.get("tool_name"))
        if tool == _QUESTION_TOOL:
            self._asked[request_id] = request
            return InteractionRequested(request_id, "question", _question(request))
        if not self._policy.may_use(tool):
            denied = Answer(is_allowed=False, message=f"the tool policy of this run does not allow {tool}")
            return ProgramInput(_response(request_id, _decision(request, denied)))
        if self._is_open and not self._policy.may_use_freely(tool):
            # The program itself lets through what a rule with arguments allows: this is something else.
            denied = Answer(is_allowed=False, message=f"the tool policy of this run does not allow this use of {tool}")
            return ProgramInput(_response(request_id, _decision(request, denied)))
        if self._is_open:
            return ProgramInput(_response(request_id, _decision(request, Answer(is_allowed=True))))
        self._asked[request_id] = request
        return InteractionRequested(request_id, "approval", _approval(tool, request))


def _approval(tool: str, request: dict[str, Any]) -> dict[str, Any]:
    action = request.get("decision_reason") or request.get("description") or request.get("title")
    payload = {"action": action or f"use {tool}", "tool_name": tool, "arguments": request.get("input")}
    return payload if request.get("decision_reason") is None else {**payload, "description": request.get("description")}


def _question(request: dict[str, Any]) -> dict[str, Any]:
    questions = _questions(request)
    first = questions[0] if questions else {}
    options = [str(as_dict(option).get("label")) for option in as_list(first.get("options"))]
    text = "\n".join(str(question.get("question")) for question in questions)
    payload = {"question": text, "options": options, "tool_name": _QUESTION_TOOL}
    return payload if len(questions) == 1 else {**payload, "questions": questions}


def _decision(request: dict[str, Any], answer: Answer) -> dict[str, Any]:
    given = as_dict(request.get("input"))
    if not answer.is_allowed:
        return {"behavior": "deny", "message": answer.message or answer.text or "denied"}
    if request.get("tool_name") != _QUESTION_TOOL:
        return {"behavior": "allow", "updatedInput": given}
    answers = _answers(_questions(request), answer.text or answer.message or "")
    return {"behavior": "allow", "updatedInput": {**given, "answers": answers}}


def _answers(questions: list[dict[str, Any]], text: str) -> dict[str, str]:
    """One text answers every question, unless it is a JSON object that answers each by its words."""
    names = [str(question.get("question")) for question in questions]
    try:
        named = as_dict(json.loads(text)) if len(names) > 1 else {}
    except ValueError:
        named = {}
    return {name: str(named.get(name, text)) for name in names}


def _questions(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [as_dict(question) for question in as_list(as_dict(request.get("input")).get("questions"))]


def _response(request_id: str, decision: dict[str, Any]) -> bytes:
    response = {"subtype": "success", "request_id": request_id, "response": decision}
    return _line({"type": "control_response", "response": response})


def _line(words: dict[str, Any]) -> bytes:
    return json.dumps(words).encode() + b"\n"
