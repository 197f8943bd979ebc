"""What a kernel takes from the machine it runs on: the time, plugin processes, ids. A simulation brings its own."""

from collections.abc import Callable
from typing import NamedTuple

from animus_kernel.clock import Clock, SystemClock
from animus_kernel.dispatch.run import new_run_id
from animus_plugin_runtime import SupervisedPlugin

__all__ = ["THIS_MACHINE", "Machine"]


class Machine(NamedTuple):
    """Where a kernel runs."""

    clock: Clock
    supervise: Callable[..., SupervisedPlugin]
    """As the class `SupervisedPlugin`."""
    new_run_id: Callable[[], str]


THIS_MACHINE = Machine(SystemClock(), SupervisedPlugin, new_run_id)
