"""The linear plan of one run: its places in order, where each leads, how often each may be re-entered."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.guards import holds
from animus_workflow_runner_default.authoring.model import (
    END_TARGET,
    CompiledConfig,
    Phase,
    PhaseEntry,
    Route,
    Workflow,
    Worktree,
)

__all__ = ["EntryPoint", "Plan", "narrowed"]


class EntryPoint(NamedTuple):
    """Where a run goes on: the places skipped on the way, and the next place; None past the end."""

    skipped: tuple[str, ...]
    path: str | None


def narrowed(workflow: Workflow, path: str) -> Workflow:
    """The workflow with only the place at `path`: nothing is skipped, routed elsewhere or brought in afterwards."""
    replace = msgspec.structs.replace
    entry = next(entry for entry in workflow.phases if entry.path == path)
    routes = {
        verdict: replace(route, target=route.target if route.target in {path, END_TARGET} else END_TARGET)
        for verdict, route in entry.on_verdict.items()
    }
    return replace(workflow, phases=[replace(entry, skip_if=[], on_verdict=routes)], post_success=None)


class Plan:
    """The places of a workflow, looked up by instance path.

    Attributes:
        entries: the places in order.
    """

    def __init__(self, workflow: Workflow, phases: Mapping[str, Phase]) -> None:
        self.workflow = workflow
        self.entries = tuple(workflow.phases)
        self._phases = phases
        self._index = {entry.path: index for index, entry in enumerate(self.entries)}

    @classmethod
    def of(cls, config: CompiledConfig, workflow: Workflow, only: str | None = None) -> "Plan":
        """The plan of `workflow` as `config` defines it, or of one of its places."""
        return cls(workflow if only is None else narrowed(workflow, only), config.phases)

    def __contains__(self, path: object) -> bool:
        return path in self._index

    def entry(self, path: str) -> PhaseEntry:
        """The place at `path`.

        Raises:
            KeyError: the plan has no such place.
        """
        return self.entries[self._index[path]]

    def phase(self, path: str) -> Phase:
        """The definition of the phase at `path`."""
        return self._phases[self.entry(path).phase_id]

    def following(self, path: str) -> str | None:
        """The place after `path`; None if it is the last."""
        index = self._index[path] + 1
        return self.entries[index].path if index < len(self.entries) else None

    def is_behind(self, path: str, *, origin: str) -> bool:
        """Whether going from `origin` to `path` is a step back or on the spot."""
        return self._index[path] <= self._index[origin]

    def rework_budget(self, path: str) -> int:
        """How often the place may be re-entered: its own limit, else the phase's ``retry.max_attempts``."""
        own = self.entry(path).max_rework_attempts
        return self.phase(path).retry.max_attempts if own is None else own

    def place_named(self, name: str) -> str | None:
        """The place an agent means: an instance path, else a phase id (its first place), in any case, or the end."""
        wanted = name.strip().lower()
        if wanted == END_TARGET:
            return END_TARGET
        by_path = (entry.path for entry in self.entries if entry.path.lower() == wanted)
        by_id = (entry.path for entry in self.entries if entry.phase_id.lower() == wanted)
        return next(by_path, None) or next(by_id, None)

    def agent_target(self, route: Route | None, name: str | None) -> str | None:
        """The place an agent chose, if this route lets it choose that one; None otherwise."""
        if route is None or name is None or not route.allow_agent_target:
            return None
        path = self.place_named(name)
        if path is None:
            return None
        allowed = {target.lower() for target in route.allowed_targets}
        return path if not allowed or path.lower() in allowed else None

    def entry_point(self, path: str | None, attributes: Mapping[str, str]) -> EntryPoint:
        """Walk from `path` over every place that one of its ``skip_if`` guards skips."""
        skipped: list[str] = []
        while path is not None and any(holds(guard, attributes) for guard in self.entry(path).skip_if):
            skipped.append(path)
            path = self.following(path)
        return EntryPoint(tuple(skipped), path)

    def worktree_mode(self, path: str) -> str:
        """Where the place works: the phase's own word, else the workflow's."""
        own = self.phase(path).worktree
        return (own or self.workflow.worktree or Worktree()).mode

    def uses_worktree(self, path: str) -> bool:
        """Whether the place works in the run's worktree, if the run has one."""
        return self.worktree_mode(path) != "skip"

    def checkout_settings(self) -> Worktree:
        """What the run asks for: a worktree if any of its places works in one, and the strictest word of all."""
        modes = {self.worktree_mode(entry.path) for entry in self.entries}
        settings = self.workflow.worktree or Worktree()
        mode: Literal["auto", "required", "skip"] = (
            "required" if "required" in modes else "auto" if "auto" in modes else "skip"
        )
        return msgspec.structs.replace(settings, mode=mode)

    def first(self) -> str:
        """The first place."""
        return self.entries[0].path
