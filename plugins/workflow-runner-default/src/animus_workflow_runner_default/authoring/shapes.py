"""What an author may write where: the keys of each definition, before anything is resolved.

A shape that equals its compiled form is that form (`model`); the ones here differ from it. Fields are in the order a
reader would write them.
"""

from typing import Annotated, Any, Literal

import msgspec

from animus_workflow_runner_default.authoring.model import (
    Capabilities,
    Command,
    Count,
    DecisionContract,
    Idempotency,
    Manual,
    OutputContract,
    PhaseMode,
    PostSuccess,
    Retry,
    Runtime,
    Text,
    Variable,
)

__all__ = [
    "AgentShape",
    "BindingShape",
    "ChannelShape",
    "DaemonShape",
    "EntryShape",
    "IntegrationShape",
    "ModelShape",
    "PhaseShape",
    "RouteShape",
    "ScheduleShape",
    "SecretShape",
    "ToolShape",
    "TopLevel",
    "TriggerShape",
    "WorkflowRefShape",
    "WorkflowShape",
    "WorktreeShape",
]

_Texts = list[str]


class WorktreeShape(msgspec.Struct, frozen=True, kw_only=True):
    """The mapping form of ``worktree``."""

    mode: Literal["auto", "required", "skip"] = "auto"
    cleanup: bool = True
    base_ref: str | None = None


_Worktree = Literal["auto", "required", "skip"] | bool | WorktreeShape | None


class RouteShape(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``on_verdict``."""

    target: Text | None = None
    guard: Text | None = None
    allow_agent_target: bool = False
    allowed_targets: _Texts = []


class EntryShape(msgspec.Struct, frozen=True, kw_only=True):
    """The options below a phase id in a workflow's ``phases``."""

    max_rework_attempts: Count | None = None
    skip_if: _Texts = []
    on_verdict: dict[str, RouteShape] = {}
    budget: Any = None
    environment: Any = None
    workspace: Any = None


class WorkflowRefShape(msgspec.Struct, frozen=True, kw_only=True):
    """A phase entry that stands for another workflow's phases."""

    workflow_ref: Text


class WorkflowShape(msgspec.Struct, frozen=True, kw_only=True):
    """One item of ``workflows``; its phase entries are read one by one."""

    id: Text
    name: str | None = None
    description: str | None = None
    phases: Annotated[list[Any], msgspec.Meta(min_length=1)]
    variables: list[Variable] = []
    worktree: _Worktree = None
    post_success: PostSuccess | None = None
    budget: Any = None
    environment: Any = None
    workspace: Any = None
    publication: Any = None


class PhaseShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``phases``."""

    mode: PhaseMode
    name: str | None = None
    description: str | None = None
    agent: Text | None = None
    agent_id: Text | None = None
    directive: str | None = None
    system_prompt: str | None = None
    skills: _Texts = []
    runtime: Runtime | None = None
    capabilities: Capabilities | None = None
    output_contract: OutputContract | None = None
    output_json_schema: Any = None
    decision_contract: DecisionContract | None = None
    retry: Retry | None = None
    command: Command | None = None
    manual: Manual | None = None
    default_tool: Text | None = None
    idempotency: Idempotency = "unknown"
    worktree: _Worktree = None
    evals: Any = None


class AgentShape(Runtime, frozen=True, kw_only=True):
    """One value of ``agents``: the settings of `Runtime` stand among the profile's own."""

    name: str | None = None
    description: str | None = None
    role: str | None = None
    system_prompt: str | None = None
    system_prompt_file: Text | None = None
    mcp_servers: _Texts = msgspec.field(default_factory=list[str])
    skills: _Texts = msgspec.field(default_factory=list[str])
    persona: Any = None
    memory: Any = None
    communication: Any = None
    mcp_server_configs: Any = None
    tool_policy: Any = None
    approval_policy: Any = None
    hooks: Any = None
    capabilities: Any = None
    structured_capabilities: Any = None
    project_overrides: Any = None
    models: _Texts = msgspec.field(default_factory=list[str])


class ToolShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``tools``."""

    executable: Text
    base_args: _Texts = []
    env: dict[str, str] = {}
    supports_mcp: bool | None = None
    supports_write: bool | None = None
    supports_streaming: bool | None = None
    supports_tool_use: bool | None = None
    supports_vision: bool | None = None
    supports_long_context: bool | None = None
    context_window: int | None = None
    read_only_flag: str | None = None
    response_schema_flag: str | None = None


class ModelShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``models``."""

    model: Text
    tool: Text | None = None


class SecretShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``secrets``: the environment variable behind ``${secret.NAME}``."""

    env: Text
    required: bool = True
    description: str | None = None


class ScheduleShape(msgspec.Struct, frozen=True, kw_only=True):
    """One item of ``schedules``."""

    id: Text
    cron: Text
    workflow_ref: Text
    input: Any = None
    enabled: bool = True
    description: str | None = None
    owner_id: Any = None
    claims: Any = None


class TriggerShape(msgspec.Struct, frozen=True, kw_only=True):
    """One item of ``triggers``."""

    id: Text
    type: Literal["file_watcher", "webhook", "github_webhook", "plugin"]
    workflow_ref: Text
    enabled: bool = True
    config: dict[str, Any] = {}
    input: Any = None
    description: str | None = None


class ChannelShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``agent_channels``."""

    participants: Annotated[list[str], msgspec.Meta(min_length=1)]
    description: str | None = None
    max_context_chars: Count | None = None


class BindingShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``phase_mcp_bindings``."""

    servers: _Texts


class IntegrationShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``integrations``."""

    provider: Text
    base_branch: str | None = None
    config: dict[str, Any] = {}


class DaemonShape(msgspec.Struct, frozen=True, kw_only=True):
    """``daemon``."""

    active_hours: str | None = None
    phase_routing: dict[str, Any] | None = None
    mcp: dict[str, Any] | None = None
    budget: dict[str, Any] | None = None
    interval_secs: Count | None = None
    pool_size: Count | None = None
    max_agents: Count | None = None
    max_task_retries: int | None = None
    retry_cooldown_secs: int | None = None
    idle_timeout_secs: int | None = None
    auto_run_ready: bool | None = None
    auto_merge: bool | None = None
    auto_pr: bool | None = None
    auto_commit_before_merge: bool | None = None
    auto_prune_worktrees: bool | None = None


class TopLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a file; each section is read on its own."""

    default_workflow_ref: Any = None
    workflows: Any = None
    phases: Any = None
    phase_catalog: Any = None
    agents: Any = None
    agent_channels: Any = None
    models: Any = None
    tools: Any = None
    tools_allowlist: Any = None
    mcp_servers: Any = None
    phase_mcp_bindings: Any = None
    integrations: Any = None
    schedules: Any = None
    triggers: Any = None
    daemon: Any = None
    secrets: Any = None
    workspaces: Any = None
    environment_routing: Any = None
