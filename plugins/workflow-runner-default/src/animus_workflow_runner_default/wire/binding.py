"""The one project this process serves, from the handshake on."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from animus_plugin_protocol import ErrorCode, FatalError, RefusedError, RetriableError, RpcFault
from animus_plugin_protocol.wire.lifecycle import InitializeParams
from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.engine.machine import IllegalTransitionError
from animus_workflow_runner_default.engine.refusal import (
    BindingError,
    BusyError,
    GatePendingError,
    InvalidRequestError,
    PhaseNotFoundError,
    RefusalError,
    RunNotFoundError,
    TerminalRunError,
    WorkflowNotFoundError,
)
from animus_workflow_runner_default.engine.runner import Runner
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.journal import Journal, JournalError, OwnershipError
from animus_workflow_runner_default.journal.store import JournalRefusedError
from animus_workflow_runner_default.programs.descriptors import raise_descriptor_limit

__all__ = ["Binding", "OpenServices", "faults"]

T = TypeVar("T")

OpenServices = Callable[[Path, Path], Services]
"""Makes what the runs of a project share, from its root and its state directory."""

_CODES: dict[type[Exception], int] = {
    WorkflowNotFoundError: ErrorCode.WORKFLOW_NOT_FOUND,
    RunNotFoundError: ErrorCode.WORKFLOW_NOT_FOUND,
    PhaseNotFoundError: ErrorCode.PHASE_NOT_FOUND,
    TerminalRunError: ErrorCode.WORKFLOW_TERMINAL,
    GatePendingError: ErrorCode.MANUAL_GATE_PENDING,
    BindingError: ErrorCode.WORKFLOW_BINDING_MISMATCH,
    InvalidRequestError: ErrorCode.INVALID_PARAMS,
    JournalRefusedError: ErrorCode.INVALID_PARAMS,
    IllegalTransitionError: ErrorCode.INVALID_PARAMS,
}


@contextmanager
def faults() -> Generator[None, None, None]:
    """Turn the runner's own errors into those that travel."""
    try:
        yield
    except (BusyError, OwnershipError) as error:
        raise RetriableError(str(error), code=ErrorCode.HOST_OVERLOADED) from error
    except (RefusalError, JournalRefusedError, IllegalTransitionError) as error:
        raise RefusedError(str(error), code=_CODES[type(error)]) from error
    except JournalError as error:
        raise FatalError(str(error)) from error
    except sqlite3.OperationalError as error:  # the disk is full, broken or read-only
        kept = "Every step that was written is kept, and the run goes on from there once that is mended"
        raise FatalError(f"the journal of runs, workflow.db, cannot be used: {error}. {kept}") from error


class Binding:
    """Made before the handshake, filled by it."""

    def __init__(self, open_services: OpenServices = Services) -> None:
        self._open_services = open_services
        self._runner: Runner | None = None
        self._source: ConfigSource | None = None
        self._sweep: asyncio.Task[None] | None = None

    def bind(self, params: InitializeParams) -> None:
        """Take the project of the handshake.

        Raises:
            RpcFault: it names none, or its journal cannot be used.
        """
        project = params.init_extensions.project_binding
        if project is None:
            raise RefusedError(
                "the workflow runner serves one project: initialize needs init_extensions.project_binding",
                code=ErrorCode.WORKFLOW_BINDING_MISMATCH,
            )
        if self._runner is not None:
            raise RefusedError("already initialized", code=ErrorCode.INVALID_REQUEST)
        root = Path(project.project_root)
        if not root.is_absolute() or not root.is_dir():
            raise RefusedError(
                f"project_root {project.project_root!r} is no absolute path of a directory",
                code=ErrorCode.WORKFLOW_BINDING_MISMATCH,
            )
        state_dir = Path(project.state_dir) if project.state_dir else _state_dir(project.repo_scope)
        raise_descriptor_limit()
        source = ConfigSource(params.init_extensions.packs)
        with faults():
            runner = Runner(self._open_services(root, state_dir), lambda: source.read(root).config)
        self._source, self._runner = source, runner

    @property
    def runner(self) -> Runner:
        """The runner of the bound project."""
        if self._runner is None:
            raise _not_bound()
        return self._runner

    @property
    def services(self) -> Services:
        """What its runs share."""
        return self.runner.services

    @property
    def source(self) -> ConfigSource:
        """Its definitions."""
        if self._source is None:
            raise _not_bound()
        return self._source

    async def ask(self, work: Callable[[Journal], T]) -> T:
        """Run a journal call.

        Raises:
            RpcFault: the journal refused or failed.
        """
        with faults():
            return await self.services.journal.call_long(work)

    async def wait_swept(self) -> None:
        """Wait until what runs of dead runner processes left running has been ended; done once.

        Raises:
            FatalError: the process records cannot be read; nothing is executed then.
        """
        if self._sweep is None:
            self._sweep = asyncio.create_task(asyncio.to_thread(self._sweep_once))
        try:
            await asyncio.shield(self._sweep)
        except OSError as error:
            self._sweep = None  # the next request tries again
            raise FatalError(f"the process records below {str(self.services.state_dir)!r}: {error}") from error

    def _sweep_once(self) -> None:
        processes = self.services.processes
        processes.ledger.sweep(grace_seconds=0.0)
        processes.family.adopt_orphans()

    async def close(self) -> None:
        """Stop everything; what was going on is resumed from the journal."""
        if self._runner is not None:
            await self._runner.close()


def _state_dir(repo_scope: str) -> Path:
    """The state directory under a host that does not name it."""
    if not repo_scope:
        raise RefusedError(
            "initialize names neither project_binding.state_dir nor repo_scope",
            code=ErrorCode.WORKFLOW_BINDING_MISMATCH,
        )
    configured = os.environ.get("ANIMUS_CONFIG_DIR")
    return (Path(configured) if configured else Path.home() / ".animus") / repo_scope


def _not_bound() -> RpcFault:
    return RefusedError("the plugin is not initialized", code=ErrorCode.PLUGIN_NOT_INITIALIZED)
