"""Somebody who asks the daemon: answers come late or, when it dies, never."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from animus_control.errors import ControlError
from animus_control.operations import OPERATIONS
from animus_plugin_protocol import errors
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import control
from animus_simulation.daemon import Daemon
from animus_simulation.machine import SimulatedMachine
from animus_simulation.stream import stream

__all__ = ["Client", "RefusedError", "UnansweredError"]

ANSWER_SECONDS = (0.0005, 0.02)
PATIENCE_SECONDS = 120.0


class UnansweredError(Exception):
    """Nobody knows whether it was done."""


class RefusedError(Exception):
    """It was not done; the text says why."""


class Client:
    """Calls operations of whatever daemon there is."""

    def __init__(self, machine: SimulatedMachine, daemon: Callable[[], Daemon | None]) -> None:
        self._machine, self._daemon = machine, daemon
        self._chance = stream(f"{machine.seed}/client")

    async def ask(self, operation: str, params: Any, *, quietly: bool = False) -> Any:
        """One operation.

        Raises:
            RefusedError: it was refused.
            UnansweredError: there is no daemon, it died, or it did not answer in time.
        """
        daemon = self._daemon()
        if daemon is None or not daemon.is_ready or daemon.kernel is None:
            raise UnansweredError("there is no daemon")
        answer: asyncio.Future[Any] = self._machine.loop.create_future()
        late = self._chance.uniform(*ANSWER_SECONDS)
        daemon.process.spawn(self._serve(daemon, operation, params, answer, late), name=f"client {operation}")
        daemon.process.on_end.append(lambda: _fail(answer, UnansweredError("the daemon has died")))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                result = await answer
        except TimeoutError:
            result = UnansweredError("no answer in time")
        if not quietly:
            self._machine.trace.tell(f"client: {operation} {_shown(params)} = {_shown(result)}")
        if isinstance(result, Exception):
            raise result
        return result

    async def _serve(self, daemon: Daemon, operation: str, params: Any, answer: Any, late: float) -> None:
        result: Any
        if daemon.kernel is None:
            return
        try:
            result = await daemon.kernel.run(OPERATIONS[operation], params)
        except (ControlError, errors.RefusedError) as error:
            result = RefusedError(error.message)
        except RpcFault as fault:
            result = UnansweredError(fault.message)  # a plugin may have died after it did what was asked
        nobody = contextvars.Context()
        self._machine.loop.call_later(late, lambda: answer.done() or answer.set_result(result), context=nobody)


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_result(error)


def _shown(value: Any) -> str:
    if isinstance(value, control.DaemonStatusResult):
        return "the daemon's status"  # the real process id is in it
    return repr(value)
