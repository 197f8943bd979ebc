"""The Animus kernel: leases dispatches from a queue, hands them to a workflow runner, records facts.

It owns processes, routing, capacity and recovery, and nothing with an opinion: what a subject means, what a workflow
does and who the agent is stand in plugins and packs. Importing this package costs neither asyncio nor a plugin;
`Animus`, the kernel in a Python program, is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animus_kernel.serving.library import Animus

__all__ = ["Animus"]


def __getattr__(name: str) -> Any:
    if name != "Animus":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from animus_kernel.serving.library import Animus  # noqa: PLC0415 - see above

    return Animus
