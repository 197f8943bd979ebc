"""The agent: ask the model, do what it asks for, until it is done or a bound is reached."""

import json
import secrets
import string
from typing import Any, Final, Protocol

from animus_agent_cli.decision import answer_object, decision_in, schema_instruction
from animus_agent_cli.tool_rules import ALLOW, DENY, Judgement
from animus_agent_cli.tool_rules import ASK as ASKS
from animus_provider_oai.answer import Answer, ToolCall, Usage
from animus_provider_oai.approval import Answer as Leave
from animus_provider_oai.approval import Interactions
from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.limits import DECISION_REPAIRS, LENGTH_CONTINUATIONS, Limits
from animus_provider_oai.model import Model
from animus_provider_oai.schema import first_fault
from animus_provider_oai.task import AgentEnd, Task
from animus_provider_oai.tool import ASK, ArgumentError, Tool, arguments_for, judged_arguments
from animus_provider_oai.toolbox import Toolbox, ToolOutput
from animus_provider_oai.transcript import Transcript

__all__ = ["Agent", "Witness"]

_INTRODUCTION: Final = (
    "You work for a person, in the folder {cwd}, by using the tools you are given. Use them; do not describe what "
    "could be done with them. Paths are relative to that folder, and nothing outside it can be reached. When the work "
    "is done, answer in words without calling a tool: that answer is final."
)
_CUT: Final = "Your answer was cut off at the length limit. Go on exactly where you stopped."
_EMPTY: Final = "Your answer was empty. Go on with the work, or give your final answer in words."
_INTERRUPTED: Final = (
    "The process was interrupted while this tool worked; it may have done all, a part or nothing. "
    "Look at what is there before you do it again."
)
_ID_CHARACTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 9
"""Mistral takes no other."""


class Witness(Protocol):
    """Hears what the agent does."""

    def tool_call(self, name: str, arguments: Any) -> None:
        """A tool is called."""
        ...

    def tool_result(self, name: str, output: ToolOutput) -> None:
        """It answered."""
        ...

    def problem(self, message: str) -> None:
        """Something went wrong, and the run goes on."""
        ...


class Agent:
    """One run of one agent."""

    def __init__(
        self,
        task: Task,
        model: Model,
        toolbox: Toolbox,
        transcript: Transcript,
        interactions: Interactions,
        witness: Witness,
        limits: Limits,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self._task = task
        self._model = model
        self._toolbox = toolbox
        self._transcript = transcript
        self._interactions = interactions
        self._witness = witness
        self._limits = limits
        self._usage: Usage | None = None
        self._answered_as: str | None = None

    @property
    def usage(self) -> Usage | None:
        """The tokens so far."""
        return self._usage

    def run(self) -> AgentEnd:
        """Work until the final answer.

        Raises:
            RunFailedError: it cannot go on.
            RunEndedError: it was ended.
        """
        self._settle_interrupted()
        self._say(self._task.prompt)
        said: list[str] = []
        repairs = continuations = 0
        for turn in range(1, self._limits.turns + 1):
            answer = self._ask(is_repair=repairs > 0)
            if answer.calls:
                for call in answer.calls:
                    self._perform(call)
                said, repairs = [], 0
                continue
            said.append(answer.text)
            if answer.finish_reason == "length" or not "".join(said).strip():
                continuations += 1
                self._continue(answer, continuations)
                continue
            text = "".join(said)
            decision, fault = self._decision(text)
            if fault is None or repairs == DECISION_REPAIRS:
                if fault is not None:
                    self._witness.problem(f"the answer holds no decision as it was asked for: {fault}")
                return AgentEnd(text, decision, self._usage, self._answered_as, turn)
            repairs += 1
            said = []
            self._witness.problem(f"the answer is sent back: {fault}")
            self._say(f"That is not what was asked for: {fault}. Answer with the JSON object alone, and nothing else.")
        raise RunFailedError(
            f"the agent was not done after {self._limits.turns} answers of the model, which is the most; resume the "
            "session to let it go on",
            limit="turns",
        )

    def _ask(self, *, is_repair: bool) -> Answer:
        schema = self._task.response_schema
        tools = [] if is_repair else self._toolbox.definitions
        # Many local servers force the format on every answer, and then no tool is ever called: it is only sent
        # where no tool is wanted.
        form = None if schema is None or tools else _response_format(schema)
        given = self._model.ask(self._messages(), tools, form)
        answer = given._replace(calls=self._known_apart(given.calls))
        if answer.usage is not None:
            sofar = self._usage or Usage()
            self._usage = Usage(*(old + new for old, new in zip(sofar, answer.usage, strict=True)))
        self._answered_as = answer.model or self._answered_as
        if answer.finish_reason == "content_filter":
            raise RunFailedError("the endpoint's content filter stopped the answer")
        self._transcript.append(answer.message)
        return answer

    def _messages(self) -> list[dict[str, Any]]:
        given = self._task.system_prompt or self._transcript.system_prompt
        schema = self._task.response_schema
        parts = [_INTRODUCTION.format(cwd=self._task.cwd), given, schema_instruction(schema) if schema else None]
        return [{"role": "system", "content": "\n\n".join(filter(None, parts))}, *self._transcript.messages]

    def _say(self, text: str) -> None:
        self._transcript.append({"role": "user", "content": text})

    def _continue(self, answer: Answer, continuations: int) -> None:
        if continuations > LENGTH_CONTINUATIONS:
            what = "cut off at the model's length limit" if answer.finish_reason == "length" else "empty"
            raise RunFailedError(f"the answer was {what} {continuations} times in one run")
        self._say(_CUT if answer.finish_reason == "length" else _EMPTY)

    def _decision(self, text: str) -> tuple[dict[str, Any] | None, str | None]:
        """The decision in the answer, and what is wrong with it."""
        schema = self._task.response_schema
        if schema is None:
            found = [decision for line in text.encode(errors="replace").splitlines() if (decision := decision_in(line))]
            return (found[-1] if found else None), None
        decision = answer_object(text)
        if decision is None:
            return None, "the answer does not end in a JSON object"
        return decision, first_fault(decision, schema)

    def _known_apart(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """Calls with ids that no other call of the session has: some servers give none, or the same again."""
        used = self._transcript.call_ids()
        fresh: list[ToolCall] = []
        for call in calls:
            call_id = call.call_id
            while not call_id or call_id in used:
                call_id = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))
            used.add(call_id)
            fresh.append(call._replace(call_id=call_id))
        return tuple(fresh)

    def _settle_interrupted(self) -> None:
        """Calls that a killed run left open: what had not begun is done now, the rest is told to the model."""
        for call in self._transcript.open_calls():
            if self._transcript.has_begun(call.call_id):
                self._answer(call, ToolOutput(_INTERRUPTED, is_success=False))
            else:
                self._perform(call)

    def _perform(self, call: ToolCall) -> None:
        tool = self._toolbox.find(call.name)
        try:
            given: Any = json.loads(call.arguments)
            is_json = True
        except (ValueError, RecursionError):
            given, is_json = call.arguments, False
        self._witness.tool_call(call.name, given)
        if tool is None:
            output = ToolOutput(f"there is no tool {call.name!r} that you may use", is_success=False)
        elif not is_json:
            output = ToolOutput("the arguments are not JSON; call the tool again", is_success=False)
        else:
            try:
                output = self._use(call, tool, arguments_for(tool, given))
            except ArgumentError as error:
                output = ToolOutput(str(error), is_success=False)
        self._answer(call, output)

    def _use(self, call: ToolCall, tool: Tool, arguments: dict[str, Any]) -> ToolOutput:
        judged = self._judge(tool, arguments)
        if judged is not None and judged.decision == DENY:
            self._witness.problem(f"{tool.name} was denied by {judged.words}")
            return ToolOutput(f"this was not allowed: {judged.words}", is_success=False)
        if tool is ASK:
            return self._question(arguments)
        leave = self._leave(judged, tool, arguments)
        if not leave.is_allowed:
            why = "nobody answered in time" if leave.is_late else leave.text or "no reason was given"
            return ToolOutput(f"this was not allowed: {why}", is_success=False)
        if tool.changes_things:
            self._transcript.begin_call(call.call_id)
        return self._toolbox.use(tool, arguments)

    def _judge(self, tool: Tool, arguments: dict[str, Any]) -> Judgement | None:
        """What the rules of the run say about the call."""
        rules = self._task.rules
        return None if rules is None else rules.judge(tool.names, judged_arguments(arguments))

    def _leave(self, judged: Judgement | None, tool: Tool, arguments: dict[str, Any]) -> Leave:
        """Whether the tool may be used: by a rule, else as approvals say."""
        action = self._toolbox.action(tool, arguments)
        if judged is not None and judged.decision == ASKS and self._task.rules is not None:
            seconds = self._task.rules.ask_seconds
            return self._interactions.ask_for_rule(judged.rule, seconds, tool.name, action, arguments)
        if not tool.changes_things or (judged is not None and judged.decision == ALLOW):
            return Leave(is_allowed=True)
        return self._interactions.approve(tool.name, action, arguments)

    def _question(self, arguments: dict[str, Any]) -> ToolOutput:
        options = [str(option) for option in arguments.get("options") or ()]
        answer = self._interactions.question(arguments["question"], options)
        if answer.is_late:
            return ToolOutput("nobody answered in time; use your own judgement", is_success=False)
        return ToolOutput(answer.text or ("yes" if answer.is_allowed else "no"))

    def _answer(self, call: ToolCall, output: ToolOutput) -> None:
        self._transcript.append({"role": "tool", "tool_call_id": call.call_id, "content": output.text})
        self._witness.tool_result(call.name, output)


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    # Not strict: that takes only a part of JSON Schema, and the schema is not ours.
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": False}}
