"""The compiled definitions a run executes: plain data, JSON in and out, pinned to a run by its digest.

Everything the runner needs is resolved here: nested workflows are expanded, every routing target is an instance path,
files named by a definition are read in. Two things stay text on purpose: ``{{name}}`` (filled per dispatch, see
`substitution`) and ``${NAME}`` in fields marked *env* (resolved where the value is used, so that no secret enters a
journal, see `interpolation`).

Unknown fields are skipped when a pinned configuration of a newer release is read back.
"""

import hashlib
from typing import Any, Literal

import msgspec

from animus_workflow_runner_default.authoring.agent_model import (
    Agent,
    AgentCapabilities,
    ApprovalPolicy,
    Channel,
    Communication,
    McpOauth,
    McpServer,
    Memory,
    Persona,
    Skill,
    ToolPolicy,
)
from animus_workflow_runner_default.authoring.flow_model import (
    Budget,
    Merge,
    MergeStrategy,
    PostSuccess,
    Retention,
    Routing,
    RoutingTable,
)
from animus_workflow_runner_default.authoring.hook_model import Hooks, InputMatcher, PolicyRule, ToolObserver
from animus_workflow_runner_default.authoring.phase_model import (
    DEFAULT_COMMAND_TIMEOUT_SECONDS,
    Backoff,
    Capabilities,
    Command,
    Count,
    CwdMode,
    DecisionContract,
    EvalCheck,
    Evals,
    FieldSpec,
    Fraction,
    Idempotency,
    Manual,
    OutputContract,
    Phase,
    PhaseMode,
    Retry,
    Risk,
    Runtime,
    Seconds,
    Text,
    Worktree,
)
from animus_workflow_runner_default.authoring.timetable_model import CatchUp, Priority, Schedule, Trigger

__all__ = [
    "CONFIG_SCHEMA",
    "CONFIG_VERSION",
    "DEFAULT_COMMAND_TIMEOUT_SECONDS",
    "END_TARGET",
    "REJECTIONS",
    "VERDICTS",
    "Agent",
    "AgentCapabilities",
    "ApprovalPolicy",
    "Backoff",
    "Budget",
    "Capabilities",
    "CatchUp",
    "Channel",
    "Command",
    "Communication",
    "CompiledConfig",
    "Count",
    "CwdMode",
    "DecisionContract",
    "EvalCheck",
    "Evals",
    "FieldSpec",
    "Fraction",
    "Guard",
    "Hooks",
    "Idempotency",
    "InputMatcher",
    "Manual",
    "McpOauth",
    "McpServer",
    "Memory",
    "Merge",
    "MergeStrategy",
    "OutputContract",
    "Persona",
    "Phase",
    "PhaseEntry",
    "PhaseMode",
    "PolicyRule",
    "PostSuccess",
    "Priority",
    "Retention",
    "Retry",
    "Risk",
    "Route",
    "Routing",
    "RoutingTable",
    "Runtime",
    "Schedule",
    "Seconds",
    "Skill",
    "Text",
    "Tool",
    "ToolObserver",
    "ToolPolicy",
    "Trigger",
    "Variable",
    "Workflow",
    "Worktree",
    "digest",
    "find_workflow",
    "secret_variables",
]

CONFIG_SCHEMA = "animus.workflow-config.v2"
CONFIG_VERSION = 2
END_TARGET = "_end"
"""The routing target that completes the whole run."""
VERDICTS = ("advance", "rework", "fail", "skip")
"""What every phase may return; other verdicts only where ``on_verdict`` has a key for them."""
REJECTIONS = ("fail", "rework")
"""The routes that the rejection of a gate takes, the first that its place has."""


class Guard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison of ``skip_if`` or ``on_verdict.*.guard``: of a fact about the subject with a text."""

    field: str
    """``subject_kind``, ``subject_id`` or the name of an attribute of the subject."""
    operator: Literal["==", "!="]
    value: str


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a verdict leads."""

    target: str | None = None
    """An instance path of the same workflow or `END_TARGET`; None: what the verdict does without a route."""
    guard: Guard | None = None
    """The route applies only while the guard holds; otherwise the verdict behaves as if it had no route."""
    allow_agent_target: bool = False
    allowed_targets: list[str] = []
    """Instance paths (or `END_TARGET`) an agent may choose; empty: any of the workflow."""


class PhaseEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place in the expanded, linear plan of a workflow."""

    path: str
    """Unique in the workflow: ``impl``, or ``other-workflow/impl`` when it came in through a ``workflow_ref``."""
    phase_id: str
    max_rework_attempts: Count | None = None
    """How often the phase at this place may be re-entered by rework; None: the phase's ``retry.max_attempts``."""
    skip_if: list[Guard] = []
    """Any guard that holds skips the phase."""
    budget: Budget | None = None
    """What one attempt at this place may use."""
    on_verdict: dict[str, Route] = {}
    """Keys are lower case; a key besides `VERDICTS` is a custom verdict this phase may return."""


class Variable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value a dispatch may or must bring, used as ``{{name}}``."""

    name: Text
    description: str | None = None
    required: bool = False
    default: str | None = None


class Workflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow, expanded."""

    id: str
    name: str
    description: str | None = None
    phases: list[PhaseEntry]
    variables: list[Variable] = []
    worktree: Worktree | None = None
    post_success: PostSuccess | None = None
    budget: Budget | None = None
    """What the run may use; wins over the budgets of its phases."""
    forge: str | None = None
    """Which forge serves the repository, if the project says so."""
    source: str = ""
    """Where it was written: ``file:line``."""


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program that plays the agent; a tool id without one names a provider."""

    executable: str
    base_args: list[str] = []
    """Env."""
    env: dict[str, str] = {}
    """Env."""
    read_only_flag: str | None = None
    """An argument for phases that change nothing."""
    response_schema_flag: str | None = None
    """The argument before the JSON schema of what the phase has to return."""
    supports_mcp: bool | None = None
    """What the author says of the program, like all below; None says nothing."""
    supports_write: bool | None = None
    supports_streaming: bool | None = None
    supports_tool_use: bool | None = None
    supports_vision: bool | None = None
    supports_long_context: bool | None = None
    context_window: Count | None = None
    """Tokens."""


class CompiledConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything the definitions of one project say. Keys of `workflows` are lower case."""

    schema: str = msgspec.field(default_factory=lambda: CONFIG_SCHEMA)
    version: int = msgspec.field(default_factory=lambda: CONFIG_VERSION)
    default_workflow_ref: str | None = None
    workflows: dict[str, Workflow] = {}
    disabled: dict[str, str] = {}
    """Workflows that are defined and cannot run: the reason by lower-case id."""
    phases: dict[str, Phase] = {}
    agents: dict[str, Agent] = {}
    tools: dict[str, Tool] = {}
    tools_allowlist: list[str] | None = None
    """None: no file has the key, so the programs the definitions name are allowed. Empty: nothing is allowed."""
    skills: dict[str, Skill] = {}
    """Those that an agent or a phase names."""
    mcp_servers: dict[str, McpServer] = {}
    phase_mcp_bindings: dict[str, Any] = {}
    models: dict[str, Any] = {}
    agent_channels: dict[str, Channel] = {}
    phase_catalog: dict[str, Any] = {}
    phase_routing: RoutingTable | None = None
    retention: Retention = Retention()
    integrations: dict[str, Any] = {}
    schedules: list[Schedule] = []
    triggers: list[Trigger] = []
    daemon: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    """Each a mapping with ``env``; read it with `secret_variables`."""


def digest(config: CompiledConfig) -> str:
    """The sha256 (hex) that pins a configuration.

    Equal definitions have equal digests, whatever the order of their keys and wherever they stand in the files.
    """
    replace = msgspec.structs.replace
    bare = replace(
        config,
        workflows={key: replace(workflow, source="") for key, workflow in config.workflows.items()},
        phases={key: replace(phase, source="") for key, phase in config.phases.items()},
        disabled=dict.fromkeys(config.disabled, ""),
    )
    return hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()


def find_workflow(config: CompiledConfig, ref: str | None) -> Workflow | None:
    """The workflow named by `ref` in any case, or the default one for None.

    None if there is no such workflow; `CompiledConfig.disabled` then tells whether it is defined but unusable.
    """
    wanted = config.default_workflow_ref if ref is None else ref
    return None if wanted is None else config.workflows.get(wanted.strip().lower())


def secret_variables(config: CompiledConfig) -> dict[str, str]:
    """The environment variable behind each secret, for `interpolation.resolve_environment`."""
    return {name: str(secret["env"]) for name, secret in config.secrets.items()}
