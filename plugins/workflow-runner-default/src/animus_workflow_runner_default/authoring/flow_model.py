"""Compiled settings of a workflow's course: budgets, what follows success, routing, retention; see `model`."""

from typing import Annotated, Literal

import msgspec

from animus_workflow_runner_default.authoring.phase_model import Count, Text

__all__ = [
    "Budget",
    "Merge",
    "MergeStrategy",
    "Notification",
    "PostSuccess",
    "Retention",
    "Routing",
    "RoutingTable",
]

MergeStrategy = Literal["merge", "squash", "rebase"]


class Budget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run, or one attempt of a phase, may use. Tokens are input and output; cached ones are not counted."""

    max_tokens: Count | None = None
    max_cost_usd: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_duration_secs: Count | None = None
    """Working time: what phases ran, not what the run waited."""
    on_exceed: Literal["pause", "fail", "warn"] = "pause"


class Merge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to the run's branch after success."""

    strategy: MergeStrategy = "merge"
    target_branch: Text | None = None
    """None: the branch that is checked out when the run starts."""
    create_pr: bool = False
    """Push the branch and open a pull request instead of merging here."""
    auto_merge: bool | None = None
    """False leaves the branch as it is, for a person to merge. With `create_pr`: whether the forge is asked to merge
    the pull request by itself. None: true without, false with a pull request."""
    cleanup_worktree: bool = True

    @property
    def is_wanted(self) -> bool:
        """Whether the runner has anything to do about the branch."""
        return self.create_pr or self.auto_merge is not False


class Notification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What notifiers are told besides what became of the run."""

    message: Text


class PostSuccess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run does once its last phase advanced."""

    merge: Merge | None = None
    notify: bool | Text | Notification = False
    """Tell the notifier plugins that the run completed; a text goes with it."""

    @property
    def message(self) -> str | None:
        """The text that goes with it."""
        if isinstance(self.notify, Notification):
            return self.notify.message
        return self.notify if isinstance(self.notify, str) else None


class Routing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What plays the agent of some phases."""

    tool: str | None = None
    model: str | None = None
    fallback_models: list[str] = []


class RoutingTable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Routing by phase id, which wins over the definitions, and by class of phase, for those that name nothing."""

    per_phase: dict[str, Routing] = {}
    classes: dict[str, Routing] = {}
    """``research``, ``ui_ux``, ``file_edit``, then ``global``: the first a phase belongs to."""


_Days = Annotated[float, msgspec.Meta(gt=0)] | None


class Retention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long what runs leave behind is kept. None: for ever. Only runs that are over are ever removed."""

    runs_keep_last: Count | None = 1_000
    """So many finished runs stay, whatever their age."""
    runs_max_age_days: _Days = None
    """Finished runs older than this go, with everything that is kept of them; the newest `runs_keep_last` stay."""
    artifacts_max_age_days: _Days = 30
    """The files of finished runs go after this; the runs themselves stay listed."""
    events_max_age_days: _Days = 30
    checkpoints_keep_last_per_phase: Count = 3
    checkpoints_max_age_hours: _Days = None
    checkpoints_auto_prune_on_completion: bool = False
    """A run that completed keeps only its last checkpoint."""
    worktrees_max_age_days: _Days = 14
    """Worktrees of failed and cancelled runs go after this; what was not committed in them is committed first."""
