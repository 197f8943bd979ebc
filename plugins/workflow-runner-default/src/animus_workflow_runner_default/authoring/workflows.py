"""Workflows: the expanded plan with every routing target turned into an instance path."""

from collections.abc import Mapping, Sequence

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.document import Path
from animus_workflow_runner_default.authoring.entries import read_entries
from animus_workflow_runner_default.authoring.expansion import Expansion, Place, is_private
from animus_workflow_runner_default.authoring.model import (
    END_TARGET,
    VERDICTS,
    Phase,
    PhaseEntry,
    PostSuccess,
    Route,
    Workflow,
)
from animus_workflow_runner_default.authoring.phases import worktree_of
from animus_workflow_runner_default.authoring.shapes import RouteShape, WorkflowShape

__all__ = ["compile_workflows"]


def compile_workflows(catalog: Catalog, phases: Mapping[str, Phase]) -> dict[str, Workflow]:
    """All workflows without a fault, by lower-case id; the private ones of packs are left out."""
    definitions = catalog.sections["workflows"]
    entries = {key: read_entries(catalog, definition) for key, definition in definitions.items()}
    faults = {key: definition.fault for key, definition in definitions.items() if definition.fault is not None}
    workflows: dict[str, Workflow] = {}
    for key, definition in definitions.items():
        if definition.shape is None:
            continue
        places = Expansion(catalog, definition, entries, faults).run(key)
        workflow = _Compilation(catalog, definition, phases, places).workflow()
        if definition.fault is None and not is_private(definition):
            workflows[key] = workflow
    return workflows


class _Compilation:
    """One workflow with its places known."""

    def __init__(
        self, catalog: Catalog, definition: Definition, phases: Mapping[str, Phase], places: Sequence[Place]
    ) -> None:
        self._catalog = catalog
        self._definition = definition
        self._phases = phases
        self._places = places

    def _blame(self, message: str, *steps: str | int) -> None:
        self._catalog.blame(self._definition, message, *steps)

    def workflow(self) -> Workflow:
        shape: WorkflowShape = self._definition.shape
        self._check_merge(shape.post_success)
        return Workflow(
            id=shape.id.strip(),
            name=shape.name or shape.id.strip(),
            description=shape.description,
            phases=[self._entry(place) for place in self._places],
            variables=shape.variables,
            worktree=worktree_of(shape.worktree),
            post_success=shape.post_success,
            budget=shape.budget,
            source=self._definition.source,
        )

    def _check_merge(self, post_success: PostSuccess | None) -> None:
        merge = post_success.merge if post_success is not None else None
        if merge is None:
            return
        if merge.strategy != "merge" and merge.auto_merge:
            message = f"the strategy {merge.strategy!r} is not supported yet; use 'merge', or 'auto_merge: false'"
            self._blame(message, "post_success", "merge", "strategy")
        if merge.create_pr:
            message = "'create_pr' is not supported yet; leave it out and open the pull request in a command phase"
            self._blame(message, "post_success", "merge", "create_pr")

    def _entry(self, place: Place) -> PhaseEntry:
        self._check_phase(place)
        options = place.entry.options
        routes = {
            verdict.strip().lower(): self._route(verdict, route, place) for verdict, route in options.on_verdict.items()
        }
        self._check_command_verdicts(place, routes)
        return PhaseEntry(
            path=place.path,
            phase_id=place.phase_id,
            max_rework_attempts=options.max_rework_attempts,
            skip_if=place.entry.skip_if,
            on_verdict=routes,
        )

    def _check_phase(self, place: Place) -> None:
        if place.phase_id in self._phases:
            return
        known = self._catalog.sections["phases"]
        if place.phase_id in known:
            self._blame(f"the phase {place.phase_id!r} has a fault: {known[place.phase_id].fault}", *place.where)
        elif self._definition.layer.manifest is not None:  # a pack leaves phases like the tests to the project
            remedy = f"define phases.{place.phase_id} in .animus/workflows.yaml"
            message = f"workflow {self._definition.id!r} cannot be run: {remedy}"
            self._catalog.excuse(self._definition, message, *place.where)
        else:
            hint = did_you_mean(place.phase_id, known) or "; no file defines phases"
            self._blame(f"unknown phase {place.phase_id!r}{hint}", *place.where)

    def _check_command_verdicts(self, place: Place, routes: Mapping[str, Route]) -> None:
        """A verdict that a program's exit code stands for is one of the four, or has a route at this place."""
        phase = self._phases.get(place.phase_id)
        if phase is None or phase.command is None:
            return
        verdicts = (*VERDICTS, *routes)
        for name in ("on_success_verdict", "on_failure_verdict"):
            verdict: str = getattr(phase.command, name)
            if verdict.strip().lower() not in verdicts:
                hint = did_you_mean(verdict, verdicts)
                message = f"{name!r} of the phase {place.phase_id!r} is {verdict!r}, which has no route here{hint}"
                self._blame(message, *place.where)

    def _route(self, verdict: str, route: RouteShape, place: Place) -> Route:
        is_own = place.where == place.entry.path
        steps: Path = (*place.where, "on_verdict", verdict) if is_own else place.where
        target = self._target(route.target, place, (*steps, "target") if is_own else steps) if route.target else None
        allowed = [
            self._target(name, place, (*steps, "allowed_targets", index) if is_own else steps)
            for index, name in enumerate(route.allowed_targets)
        ]
        return Route(
            target=target,
            guard=place.entry.route_guards.get(verdict),
            allow_agent_target=route.allow_agent_target,
            allowed_targets=[path for path in allowed if path is not None],
        )

    def _target(self, name: str, place: Place, steps: Path) -> str | None:
        """The instance path a name means, seen from a place: its own workflow first, then the ones around it."""
        if name == END_TARGET:
            return END_TARGET
        for scope in place.scopes:
            inside = [other for other in self._places if other.path.startswith(scope)]
            named = [other.path for other in inside if other.path == scope + name]
            named = named or [other.path for other in inside if other.phase_id == name]
            if len(named) == 1:
                return named[0]
            if named:
                choice = ", ".join(path.removeprefix(scope) for path in named)
                self._blame(f"the target {name!r} stands for several places; name one of: {choice}", *steps)
                return None
        known = [END_TARGET, *(other.path for other in self._places)]
        self._blame(f"unknown target {name!r}{did_you_mean(name, known)}", *steps)
        return None
