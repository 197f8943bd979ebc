"""``daemon logs``: what the daemon and its plugins wrote, from its file, and with ``--follow`` as they write it."""

import sys

import msgspec

from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation, daemon_not_running
from animus_cli.render import lines_for
from animus_control.client import ControlClient
from animus_control.log_file import read_log
from animus_control.operations import Operation
from animus_plugin_protocol.wire.control import DaemonLogsParams

__all__ = ["run"]


def run(invocation: Invocation, operation: Operation, params: DaemonLogsParams) -> None:
    """Print entries; with ``--json`` an envelope or, following, a line of JSON each.

    Raises:
        CommandError: no daemon has ever written a log here, or none runs that could be followed.
    """
    project = invocation.project()
    path, screen = project.log_path, invocation.screen()
    if not path.is_file():
        message = f"there is no log at {str(path)!r}: no daemon was started for this project yet"
        raise CommandError("not_found", message, next_step="animus daemon start")
    if not params.follow:
        entries = read_log(path, params)
        record = {"path": str(path), "entries": entries, "lines": [entry.message for entry in entries]}
        invocation.show(record, lambda _: [lines_for(operation.name, entry, screen)[0] for entry in entries])
        return
    client = ControlClient.connect(project)
    if client is None:
        raise daemon_not_running(project)
    with client:
        for entry in client.stream(operation.name, params):
            text = (
                msgspec.json.encode(entry).decode() if invocation.json else lines_for(operation.name, entry, screen)[0]
            )
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
