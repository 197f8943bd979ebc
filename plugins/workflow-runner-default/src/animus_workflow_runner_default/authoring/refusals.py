"""Real keys of the wider format that are refused, each with the reason and, where there is one, what to do instead.

A key is refused only where it asks for something that would not happen: values that ask for what happens anyway pass.
"""

from typing import Any, NamedTuple

from animus_workflow_runner_default.authoring.model import McpServer
from animus_workflow_runner_default.authoring.project_shapes import (
    DaemonShape,
    IntegrationShape,
    PhaseRoutingShape,
    ScheduleShape,
)
from animus_workflow_runner_default.authoring.shapes import (
    AgentShape,
    EntryShape,
    MemoryShape,
    TopLevel,
    WorkflowShape,
)

__all__ = ["REFUSED", "Refusal", "refusal_of"]


class Refusal(NamedTuple):
    """Why a key is refused; `passes` are the values that may stand there nevertheless."""

    reason: str
    passes: tuple[Any, ...] = ()


_ENVIRONMENT = Refusal(
    "phases run where the daemon runs, which is 'local'; start a daemon there, or use 'sandbox: bubblewrap' for agents",
    ("local",),
)
_WORKSPACE = Refusal("a run works in the project's own repository; clone others in a command phase", ({},))
_POOL = Refusal("how many runs go on at once is a setting of the machine: animus daemon config --pool-size N")
_EVENTS = Refusal("the daemon acts on events and polls nothing", ())
_RETRY = Refusal("a failed run stays failed until a person resumes it; use 'retry' of a phase for tries", (0,))

REFUSED: dict[tuple[type, str], Refusal] = {
    (AgentShape, "structured_capabilities"): Refusal(
        "what an agent needs of its tool stands under 'capabilities', what it is for in 'description'", ({}, [])
    ),
    (McpServer, "config"): Refusal("a server takes its settings from 'args' and 'env'", ({},)),
    (AgentShape, "mcp_server_configs"): Refusal("define the server under the top level 'mcp_servers'", ({},)),
    (AgentShape, "project_overrides"): Refusal("a project's files overlay the profile: write the field there", ({},)),
    (MemoryShape, "scope"): Refusal("an agent remembers per project", ("agent", "project")),
    (TopLevel, "workspaces"): _WORKSPACE,
    (WorkflowShape, "environment"): _ENVIRONMENT,
    (WorkflowShape, "workspace"): _WORKSPACE,
    (WorkflowShape, "publication"): Refusal(
        "receipts are made and checked by a hosted portal; push with 'post_success.merge', publish in a command phase"
    ),
    (EntryShape, "environment"): _ENVIRONMENT,
    (EntryShape, "workspace"): _WORKSPACE,
    (ScheduleShape, "owner_id"): Refusal("a schedule acts as the project's daemon, as nobody else"),
    (ScheduleShape, "claims"): Refusal("a schedule acts as the project's daemon, as nobody else"),
    (PhaseRoutingShape, "complexity"): Refusal("nothing measures how complex a task is; route with 'per_phase'"),
    (IntegrationShape, "config"): Refusal("no integration takes settings", ({},)),
    (DaemonShape, "mcp"): Refusal("agents reach Animus through the host, which needs no address; remove it", ({},)),
    (DaemonShape, "interval_secs"): _EVENTS,
    (DaemonShape, "idle_timeout_secs"): _EVENTS,
    (DaemonShape, "pool_size"): _POOL,
    (DaemonShape, "max_agents"): _POOL,
    (DaemonShape, "max_task_retries"): _RETRY,
    (DaemonShape, "retry_cooldown_secs"): _RETRY,
    (DaemonShape, "auto_run_ready"): Refusal(
        "a subject is never picked by itself: enqueue it, or use schedules and triggers", (False,)
    ),
    (DaemonShape, "auto_merge"): Refusal("merging is said per workflow: post_success.merge", (False,)),
    (DaemonShape, "auto_pr"): Refusal("said per workflow: post_success.merge.create_pr", (False,)),
    (DaemonShape, "auto_commit_before_merge"): Refusal(
        "phases with 'capabilities: {writes_files: true}' commit what they wrote; nothing else is committed",
        (False,),
    ),
    (DaemonShape, "auto_prune_worktrees"): Refusal(
        "worktrees go after success (worktree.cleanup), others by retention.worktrees.max_age_days", (True,)
    ),
}


def refusal_of(shape: type, key: str, value: object) -> str | None:
    """Why the key may not have this value; None if it may."""
    refusal = REFUSED.get((shape, key))
    return None if refusal is None or value is None or value in refusal.passes else refusal.reason
