"""``daemon events``: the recorded events, and with ``--follow`` the new ones as they happen."""

import sys
from collections.abc import Iterable

import msgspec

from animus_cli.invocation import Invocation, daemon_not_running
from animus_cli.render import lines_for
from animus_control.client import ControlClient
from animus_control.operations import Operation
from animus_plugin_protocol.wire.control import DaemonEvent, DaemonEventsParams

__all__ = ["run"]


def run(invocation: Invocation, operation: Operation, params: DaemonEventsParams) -> None:
    """Print events: JSON lines without an envelope with ``--json``, else a readable line each.

    Raises:
        CommandError: there is no daemon whose events could be followed.
    """
    project = invocation.project()
    client = ControlClient.connect(project)
    if client is not None:
        with client:
            _print(invocation, operation, client.stream(operation.name, params))
    elif params.follow:
        raise daemon_not_running(project)
    else:
        _print(invocation, operation, invocation.call(operation, params, project=project))


def _print(invocation: Invocation, operation: Operation, events: Iterable[DaemonEvent]) -> None:
    screen = invocation.screen()
    for event in events:
        line = msgspec.json.encode(event).decode() if invocation.json else lines_for(operation.name, event, screen)[0]
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
