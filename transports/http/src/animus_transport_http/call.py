"""Running the operation of a route: in the daemon, or here if it needs none."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Any

import msgspec

from animus_control.errors import ControlError
from animus_control.operations import Operation, Place
from animus_control.project import Project
from animus_transport_http.daemon import DaemonConnection
from animus_transport_http.event_stream import Item

__all__ = ["call", "listed", "plain_items"]

_LISTED_BYTES = 16 * 1024 * 1024
"""How large a list may be."""


async def call(project: Project, operation: Operation, params: Any) -> msgspec.Raw | bytes | Any:
    """The result of an operation, as the daemon wrote it where it ran there.

    Raises:
        ControlError: it was refused or failed, or no daemon serves the project.
    """
    if operation.place is Place.LOCAL:
        from animus_kernel.serving.session import run_operation  # noqa: PLC0415 - loads the runtime; few calls need it

        return msgspec.to_builtins(await asyncio.to_thread(run_operation, project, operation.name, params))
    with closing(await DaemonConnection.open(project)) as daemon:
        return await daemon.ask(operation, params)


async def listed(project: Project, operation: Operation, params: Any) -> msgspec.Raw:
    """What a streaming operation has to tell up to now, as a list.

    Raises:
        ControlError: as `call`; ``invalid_request`` when it is too much.
    """
    found: list[bytes] = []
    size = 0
    with closing(await DaemonConnection.open(project)) as daemon:
        await daemon.ask(operation, params)
        async for item in daemon.items():
            found.append(bytes(item))
            size += len(found[-1])
            if size > _LISTED_BYTES:
                message = f"the list is larger than {_LISTED_BYTES} bytes; ask for less, as with 'limit' or 'since'"
                raise ControlError("invalid_request", message)
    return msgspec.Raw(b"[" + b",".join(found) + b"]")


async def plain_items(daemon: DaemonConnection) -> AsyncGenerator[Item]:
    """The items of a stream that does not number them."""
    async for data in daemon.items():
        yield Item(data)
