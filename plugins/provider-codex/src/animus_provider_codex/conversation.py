"""One run of the program."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import Event
from animus_agent_cli.request import AgentRequest
from animus_provider_codex.command import command_of
from animus_provider_codex.login import codex_home
from animus_provider_codex.rollout import tokens_before
from animus_provider_codex.stream import CodexStream

__all__ = ["CodexConversation"]


class CodexConversation:
    """Satisfies `animus_agent_cli.Conversation`.

    Attributes:
        command: how the program is called.
    """

    def __init__(self, request: AgentRequest) -> None:
        """Prepare a run for `request`.

        Raises:
            UnsupportedError: the program cannot do what is asked.
        """
        self.command = command_of(request)
        home: Path = request.sandbox_home or codex_home(request.environment)
        before = {} if request.resume_id is None else tokens_before(home, request.resume_id)
        self._stream = CodexStream(model=request.model, before=before)

    def read(self, line: dict[str, Any]) -> Iterable[Event]:
        """What a line of the program's output says."""
        return self._stream.read(line)

    def answer(self, interaction_id: str, answer: Answer) -> bytes:
        """Nothing: the program never asks, so there is nothing it would read."""
        del interaction_id, answer
        return b""

    def end(self, exit_code: int, errors: str) -> Iterable[Event]:
        """The library judges the exit code and the errors; there is nothing to add."""
        del exit_code, errors
        return ()
