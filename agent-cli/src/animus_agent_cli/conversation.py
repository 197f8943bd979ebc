"""The seam to one agent: how its program is called, and what its lines mean."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from animus_agent_cli.event import Event

__all__ = ["AgentCommand", "Answer", "Conversation"]


class Answer(NamedTuple):
    """What came of an interaction: leave for an approval, words for a question."""

    is_allowed: bool
    text: str | None = None
    message: str | None = None


class AgentCommand(NamedTuple):
    """How the program is called.

    Attributes:
        args: what follows the program.
        input: what it reads first.
        is_input_open: whether its input stays open for later words; it is closed when the agent has finished.
        environment: on top of the request's.
    """

    args: list[str]
    input: bytes = b""
    is_input_open: bool = False
    environment: Mapping[str, str] = {}


class Conversation(Protocol):
    """One run of one agent. Its methods are never called two at once."""

    command: AgentCommand

    def read(self, line: dict[str, Any]) -> Iterable[Event]:
        """What a line of the program's output says. Lines of unknown shape say nothing."""
        ...

    def answer(self, interaction_id: str, answer: Answer) -> bytes:
        """What the program has to read as the answer to an interaction it asked for."""
        ...

    def end(self, exit_code: int, errors: str) -> Iterable[Event]:
        """The program has ended: what can be said only now."""
        ...
