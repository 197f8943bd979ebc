"""A sandbox around the commands of an agent, where one is asked for.

The agent itself is this process and needs none: its file tools keep to the folder, and it runs no code of others. What
it has to be kept from is what its commands do.
"""

import contextlib
from collections.abc import Generator
from pathlib import Path

from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.endpoint import Endpoint
from animus_provider_oai.task import Task
from animus_provider_oai.toolbox import Enclosure

__all__ = ["enclosed"]


@contextlib.contextmanager
def enclosed(task: Task, endpoint: Endpoint, readable: Path) -> Generator[Enclosure | None]:
    """A sandbox for the commands of `task` if it asks for one: the folder writable, the rest read-only, no network.

    Args:
        task: whose commands.
        endpoint: whose key stays outside.
        readable: a file that the commands may read besides.

    Raises:
        RunFailedError: it asks for one and there is none to be had; nothing runs open instead.
    """
    if not task.is_sandboxed:
        yield None
        return
    from animus_sandbox import Sandbox, SandboxError, SandboxSpec, require_bubblewrap  # noqa: PLC0415 - start-up

    if endpoint.key and any(endpoint.key in value for value in task.environment.values()):
        raise RunFailedError(
            "the key of the endpoint is among the variables that the commands would see; "
            "take it out of the environment of the workflow",
            category="session_start_failed",
        )
    with contextlib.ExitStack() as stack:
        try:
            worktree = task.cwd.resolve()
            spec = SandboxSpec(worktree, readable=(readable,), environment=dict(task.environment))
            sandbox = stack.enter_context(Sandbox(spec, require_bubblewrap()))
        except SandboxError as error:
            raise RunFailedError(
                f"the sandbox bubblewrap is asked for and cannot be had: {error}",
                failure="target_unavailable",
                category="session_start_failed",
            ) from error
        yield sandbox
