"""``animus why``, asked in the simulation: whatever has not ended has to have a reason that is on record."""

from typing import Any

from animus_cli.causes.picture import take_picture
from animus_cli.causes.states import explain
from animus_cli.failure import CommandError
from animus_control.errors import ControlError
from animus_simulation.client import Client, RefusedError
from animus_simulation.machine import SimulatedMachine

__all__ = ["states_of"]


class _NotAskedYetError(BaseException):
    def __init__(self, name: str, params: Any) -> None:
        self.name, self.params = name, params


async def states_of(machine: SimulatedMachine, client: Client, target: str) -> list[str]:
    """The states that ``why`` names for an entry; none if it is gone.

    The command asks as it goes and knows no waiting. It is run again and again, each time with one answer more.

    Raises:
        UnansweredError: the daemon has died meanwhile.
    """
    answers: dict[str, Any] = {}

    def ask(name: str, params: Any) -> Any:
        answer = answers.get(f"{name} {params!r}", _NotAskedYetError(name, params))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    while True:
        try:
            picture = take_picture(ask, target, machine.now())
        except CommandError:
            return []
        except _NotAskedYetError as question:
            name, params = question.name, question.params
        else:
            return [cause.state for cause in explain(picture)]
        try:
            answers[f"{name} {params!r}"] = await client.ask(name, params, quietly=True)
        except RefusedError as refusal:
            answers[f"{name} {params!r}"] = ControlError("not_found", str(refusal))
