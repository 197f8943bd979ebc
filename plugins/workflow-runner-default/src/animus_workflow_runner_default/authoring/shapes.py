"""What an author may write where: the keys of each definition, before anything is resolved.

A shape that equals its compiled form is that form (`model`); the ones here differ from it. Fields are in the order a
reader would write them.
"""

from typing import Annotated, Any, Literal

import msgspec

from animus_workflow_runner_default.authoring.model import (
    ApprovalPolicy,
    Budget,
    Capabilities,
    Command,
    Communication,
    Count,
    DecisionContract,
    Evals,
    Hooks,
    Idempotency,
    Manual,
    Memory,
    OutputContract,
    Persona,
    PhaseMode,
    PostSuccess,
    Retry,
    Runtime,
    Text,
    ToolPolicy,
    Variable,
)

__all__ = [
    "AgentShape",
    "BindingShape",
    "EntryShape",
    "MemoryShape",
    "ModelShape",
    "PhaseShape",
    "RouteShape",
    "SecretShape",
    "ToolShape",
    "TopLevel",
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
    budget: Budget | None = None
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
    budget: Budget | None = None
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
    evals: Evals | None = None
    on_verdict: dict[str, RouteShape] = {}
    """For entries that say nothing about the verdict, in workflows that have the target."""


class MemoryShape(Memory, frozen=True, kw_only=True):
    """``memory`` of an agent."""

    scope: str | None = None


class AgentShape(Runtime, frozen=True, kw_only=True):
    """One value of ``agents``: the settings of `Runtime` stand among the profile's own."""

    name: str | None = None
    description: str | None = None
    role: str | None = None
    system_prompt: str | None = None
    system_prompt_file: Text | None = None
    mcp_servers: _Texts = msgspec.field(default_factory=list[str])
    skills: _Texts = msgspec.field(default_factory=list[str])
    persona: Persona | None = None
    memory: MemoryShape | None = None
    communication: Communication | None = None
    mcp_server_configs: Any = None
    tool_policy: ToolPolicy | None = None
    approval_policy: ApprovalPolicy | None = None
    hooks: Hooks | None = None
    capabilities: dict[str, bool] | None = None
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
    context_window: Count | None = None
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


class BindingShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``phase_mcp_bindings``."""

    servers: _Texts


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
    retention: Any = None
    secrets: Any = None
    workspaces: Any = None
    environment_routing: Any = None
