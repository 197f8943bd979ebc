"""How an operation is run: by the project's daemon if one lives, else in this process with the same plugins."""

from typing import Any

from animus_control.client import ControlClient
from animus_control.errors import daemon_needed
from animus_control.operations import Operation, Place
from animus_control.project import Project

__all__ = ["ProjectRoute"]


class ProjectRoute:
    """The operations of one project; may be used by several threads."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def has_daemon(self) -> bool:
        """Whether a daemon listens now."""
        client = ControlClient.connect(self._project)
        if client is None:
            return False
        client.close()
        return True

    def run(self, operation: Operation, params: Any) -> Any:
        """The result of an operation; a streaming one gives the list of what there is.

        Raises:
            ControlError: it was refused, failed, or needs a daemon and none lives.
        """
        if operation.place is not Place.LOCAL:
            client = ControlClient.connect(self._project)
            if client is not None:
                with client:
                    if operation.stream is not None:
                        return list(client.stream(operation.name, params))
                    return client.call(operation.name, params)
            if operation.place is Place.DAEMON:
                raise daemon_needed(f"no daemon serves {str(self._project.root)!r}")
        from animus_kernel.serving.session import run_operation  # noqa: PLC0415 - start-up: loads asyncio and the runtime

        return run_operation(self._project, operation.name, params)
