"""The environment kind: where commands of a run are executed (protocol section 13)."""

from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.dispatch import ExecutionFence
from animus_plugin_protocol.wire.presence import Wire, always, always_list, always_null

__all__ = [
    "EnvironmentCommand",
    "EnvironmentExecParams",
    "EnvironmentExecResult",
    "EnvironmentHandle",
    "EnvironmentHandleParams",
    "EnvironmentJournalNote",
    "EnvironmentListResult",
    "EnvironmentNode",
    "EnvironmentNodeParams",
    "EnvironmentOutputNote",
    "EnvironmentPrepareParams",
    "EnvironmentPrepareResult",
    "EnvironmentReapParams",
    "EnvironmentReapResult",
    "EnvironmentRepository",
    "EnvironmentSessionParams",
    "EnvironmentSessionResult",
    "EnvironmentSpec",
    "EnvironmentTeardownNodeResult",
]

_Seconds = Annotated[int, msgspec.Meta(ge=0)]


class EnvironmentRepository(Wire, frozen=True, kw_only=True):
    """A repository to have in the workspace."""

    url: str
    name: str | None = None
    git_ref: str | None = None
    primary: bool = False


class EnvironmentSpec(Wire, frozen=True, kw_only=True):
    """What kind of environment is wanted; hosts pick the plugin by `kind`."""

    kind: str
    repos: list[EnvironmentRepository] = []
    image: str | None = None
    resources: Any = None
    env: dict[str, str] = {}
    metadata: Any = None


class EnvironmentHandle(Wire, frozen=True, kw_only=True):
    """A prepared environment."""

    id: str
    workspace_root: str
    metadata: Any = None


class EnvironmentPrepareParams(Wire, frozen=True, kw_only=True):
    """Prepare an environment."""

    spec: EnvironmentSpec


class EnvironmentPrepareResult(Wire, frozen=True, kw_only=True):
    """The environment."""

    handle: EnvironmentHandle


class EnvironmentCommand(Wire, frozen=True, kw_only=True):
    """A program to run in it."""

    program: str
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: str | None = None


class EnvironmentExecParams(Wire, frozen=True, kw_only=True):
    """Run a program (exec, exec_stream)."""

    handle: EnvironmentHandle
    command: EnvironmentCommand
    stdin: str | None = None
    timeout_secs: _Seconds | None = None


class EnvironmentExecResult(Wire, frozen=True, kw_only=True):
    """How the program ended; empty text and a false `timed_out` are left out."""

    exit_code: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)] | None = None
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False


class EnvironmentOutputNote(Wire, frozen=True, kw_only=True):
    """A piece of output; stream is ``stdout`` or ``stderr``."""

    handle_id: str
    stream: str
    text: str


class EnvironmentSessionParams(Wire, frozen=True, kw_only=True):
    """Run a whole workflow in it; `subject_id` is ``<kind>:<id>``."""

    handle: EnvironmentHandle
    subject_id: str
    workflow_ref: str | None = None
    dispatch_input: str | None = None
    workflow_id: str | None = None
    execution_fence: ExecutionFence | None = None


class EnvironmentSessionResult(Wire, frozen=True, kw_only=True):
    """How the session ended."""

    status: str
    workflow_id: str | None = None
    execution_fence: ExecutionFence | None = None


class EnvironmentJournalNote(Wire, frozen=True, kw_only=True):
    """What a session journals; what is not known is written as null."""

    handle_id: str
    workflow_id: str
    event_kind: str
    phase_id: str | None = always_null()
    status: str | None = always_null()
    ts: str | None = always_null()
    payload: Any = always_null()
    terminal: bool = always(default=False)


class EnvironmentHandleParams(Wire, frozen=True, kw_only=True):
    """Names one environment (teardown)."""

    handle: EnvironmentHandle


class EnvironmentNode(Wire, frozen=True, kw_only=True):
    """A machine or container the plugin knows of."""

    id: str
    name: str
    state: str
    orphan: bool
    run_id: str | None = None
    image: str | None = None
    created_at: str | None = None


class EnvironmentListResult(Wire, frozen=True, kw_only=True):
    """All nodes."""

    nodes: list[EnvironmentNode]


class EnvironmentNodeParams(Wire, frozen=True, kw_only=True):
    """Names one node (get, teardown_node)."""

    id: str


class EnvironmentTeardownNodeResult(Wire, frozen=True, kw_only=True):
    """The nodes that were deleted."""

    deleted: list[str] = always_list()


class EnvironmentReapParams(Wire, frozen=True, kw_only=True):
    """Delete nodes nobody needs."""

    all: bool = False
    force: bool = False
    dry_run: bool = False
    older_than_secs: _Seconds | None = None


class EnvironmentReapResult(Wire, frozen=True, kw_only=True):
    """What was deleted and what was kept."""

    deleted: list[str] = always_list()
    kept: list[str] = always_list()
    dry_run: bool = False
