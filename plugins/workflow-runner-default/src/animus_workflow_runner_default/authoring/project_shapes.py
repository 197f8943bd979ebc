"""What an author may write about the project as a whole: schedules, triggers, the daemon, integrations, retention."""

from typing import Annotated, Any, Literal

import msgspec

from animus_workflow_runner_default.authoring.model import CatchUp, Count, Priority, Text

__all__ = [
    "ActorRuleShape",
    "CatalogShape",
    "DaemonShape",
    "DailyBudgetShape",
    "EnvironmentRoutingShape",
    "EnvironmentRuleShape",
    "FileWatcherShape",
    "IntegrationShape",
    "PhaseRoutingShape",
    "RetentionShape",
    "RoutingShape",
    "ScheduleShape",
    "TriggerShape",
    "WebhookShape",
]

_Texts = list[str]
_Names = dict[str, str]
_Days = Annotated[float, msgspec.Meta(gt=0)] | None


class ScheduleShape(msgspec.Struct, frozen=True, kw_only=True):
    """One item of ``schedules``: `cron` or `every`."""

    id: Text
    workflow_ref: Text
    cron: Text | None = None
    every: str | int | None = None
    timezone: Text | None = None
    active_hours: Text | None = None
    catch_up: CatchUp = "fire_once"
    enabled: bool = True
    subject: Text | None = None
    name: str | None = None
    """The title where there is no `title`."""
    title: str | None = None
    input: Any = None
    vars: _Names = {}
    priority: Priority | None = None
    description: str | None = None
    owner_id: Any = None
    claims: Any = None


class TriggerShape(msgspec.Struct, frozen=True, kw_only=True):
    """One item of ``triggers``; `config` is read by the type."""

    id: Text
    type: Literal["file_watcher", "webhook", "github_webhook", "plugin"]
    workflow_ref: Text
    enabled: bool = True
    config: dict[str, Any] = {}
    active_hours: Text | None = None
    timezone: Text | None = None
    input: Any = None
    vars: _Names = {}
    priority: Priority | None = None
    description: str | None = None


class FileWatcherShape(msgspec.Struct, frozen=True, kw_only=True):
    """``config`` of a ``file_watcher``."""

    paths: Annotated[_Texts, msgspec.Meta(min_length=1)]
    debounce_secs: Annotated[float, msgspec.Meta(ge=0)] = 5
    ignore: _Texts = []


class WebhookShape(msgspec.Struct, frozen=True, kw_only=True):
    """``config`` of a ``webhook`` or ``github_webhook``."""

    secret_env: Text | None = None
    max_triggers_per_minute: Count = 10
    events: _Texts = []


class CatalogShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``phase_catalog``: how a phase is shown to people."""

    label: str | None = None
    description: str | None = None
    category: str | None = None
    icon: str | None = None
    docs_url: str | None = None
    tags: _Texts = []
    visible: bool = True


class IntegrationShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``integrations``."""

    provider: Text
    base_branch: Text | None = None
    config: dict[str, Any] = {}


class RoutingShape(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``phase_routing.per_phase``."""

    tool: Text | None = None
    model: Text | None = None
    fallback_models: _Texts = []


class PhaseRoutingShape(msgspec.Struct, frozen=True, kw_only=True):
    """``daemon.phase_routing`` and the ``phase_routing`` of a dispatch."""

    global_tool: Text | None = None
    global_model: Text | None = None
    global_fallback_models: _Texts = []
    research_tool: Text | None = None
    research_model: Text | None = None
    research_fallback_models: _Texts = []
    ui_ux_tool: Text | None = None
    ui_ux_model: Text | None = None
    ui_ux_fallback_models: _Texts = []
    file_edit_tool: Text | None = None
    file_edit_model: Text | None = None
    file_edit_fallback_models: _Texts = []
    per_phase: dict[str, RoutingShape] = {}
    complexity: Any = None


class DailyBudgetShape(msgspec.Struct, frozen=True, kw_only=True):
    """``daemon.budget``."""

    max_cost_usd_per_day: Annotated[float, msgspec.Meta(gt=0)]
    on_exceed: Literal["pause"] = "pause"


class DaemonShape(msgspec.Struct, frozen=True, kw_only=True):
    """``daemon``."""

    active_hours: Text | None = None
    timezone: Text | None = None
    phase_routing: PhaseRoutingShape | None = None
    budget: DailyBudgetShape | None = None
    mcp: Any = None
    interval_secs: Any = None
    pool_size: Any = None
    max_agents: Any = None
    max_task_retries: Any = None
    retry_cooldown_secs: Any = None
    idle_timeout_secs: Any = None
    auto_run_ready: Any = None
    auto_merge: Any = None
    auto_pr: Any = None
    auto_commit_before_merge: Any = None
    auto_prune_worktrees: Any = None


class ActorRuleShape(msgspec.Struct, frozen=True, kw_only=True):
    """``match`` of a rule of ``environment_routing``."""

    kind: str | None = None
    harness: str | None = None


class EnvironmentRuleShape(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of ``environment_routing``."""

    environment: Literal["local"]
    match: ActorRuleShape = ActorRuleShape()
    spec: Any = None


class EnvironmentRoutingShape(msgspec.Struct, frozen=True, kw_only=True):
    """``environment_routing``: this machine is the only environment there is."""

    default: Literal["local"] = "local"
    rules: list[EnvironmentRuleShape] = []


class _RunsShape(msgspec.Struct, frozen=True, kw_only=True):
    keep_last: Count | None = 1_000
    max_age_days: _Days = None


class _AgeShape(msgspec.Struct, frozen=True, kw_only=True):
    max_age_days: _Days = None


class _CheckpointsShape(msgspec.Struct, frozen=True, kw_only=True):
    keep_last_per_phase: Count = 3
    max_age_hours: _Days = None
    auto_prune_on_completion: bool = False


class RetentionShape(msgspec.Struct, frozen=True, kw_only=True):
    """``retention``."""

    runs: _RunsShape | None = None
    artifacts: _AgeShape | None = None
    events: _AgeShape | None = None
    checkpoints: _CheckpointsShape | None = None
    worktrees: _AgeShape | None = None
