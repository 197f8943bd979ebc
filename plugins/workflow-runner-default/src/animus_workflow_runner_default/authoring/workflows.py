"""Workflows: the expanded plan with every routing target turned into an instance path."""

from collections.abc import Mapping, Sequence

import msgspec

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.document import Path
from animus_workflow_runner_default.authoring.entries import read_entries
from animus_workflow_runner_default.authoring.expansion import Expansion, Place, is_private
from animus_workflow_runner_default.authoring.guards import parse_route_guard
from animus_workflow_runner_default.authoring.model import (
    END_TARGET,
    REJECTIONS,
    VERDICTS,
    Budget,
    Phase,
    PhaseEntry,
    PostSuccess,
    Route,
    Workflow,
    Worktree,
)
from animus_workflow_runner_default.authoring.phases import worktree_of
from animus_workflow_runner_default.authoring.project_shapes import IntegrationShape
from animus_workflow_runner_default.authoring.shapes import PhaseShape, RouteShape, WorkflowShape

__all__ = ["compile_workflows"]


def compile_workflows(
    catalog: Catalog, phases: Mapping[str, Phase], git: IntegrationShape | None = None
) -> dict[str, Workflow]:
    """All workflows without a fault, by lower-case id; the private ones of packs are left out.

    Args:
        catalog: all definitions.
        phases: the usable phases.
        git: ``integrations.git``: which forge, and which branch work starts at and goes to unless a workflow says.
    """
    definitions = catalog.sections["workflows"]
    entries = {key: read_entries(catalog, definition) for key, definition in definitions.items()}
    faults = {key: definition.fault for key, definition in definitions.items() if definition.fault is not None}
    workflows: dict[str, Workflow] = {}
    for key, definition in definitions.items():
        if definition.shape is None:
            continue
        places = Expansion(catalog, definition, entries, faults).run(key)
        workflow = _Compilation(catalog, definition, phases, places).workflow(git)
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

    def workflow(self, git: IntegrationShape | None) -> Workflow:
        shape: WorkflowShape = self._definition.shape
        self._check_budget(shape.budget)
        return Workflow(
            id=shape.id.strip(),
            name=shape.name or shape.id.strip(),
            description=shape.description,
            phases=[self._entry(place) for place in self._places],
            variables=shape.variables,
            worktree=_worktree(shape, git),
            post_success=_post_success(shape.post_success, git),
            budget=shape.budget,
            forge=None if git is None else git.provider,
            source=self._definition.source,
        )

    def _check_budget(self, budget: Budget | None, *steps: str | int) -> None:
        if budget is not None and not (budget.max_tokens or budget.max_cost_usd or budget.max_duration_secs):
            self._blame("a budget needs 'max_tokens', 'max_cost_usd' or 'max_duration_secs'", *steps, "budget")

    def _entry(self, place: Place) -> PhaseEntry:
        self._check_phase(place)
        options = place.entry.options
        self._check_budget(options.budget, *place.where)
        routes = {
            verdict.strip().lower(): self._route(verdict, route, place) for verdict, route in options.on_verdict.items()
        }
        routes = self._routes_of_phase(place) | routes
        self._check_command_verdicts(place, routes)
        return PhaseEntry(
            path=place.path,
            phase_id=place.phase_id,
            max_rework_attempts=options.max_rework_attempts,
            skip_if=place.entry.skip_if,
            budget=options.budget,
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
        if phase is not None and phase.manual is not None:
            self._check_gate_verdicts(place, routes)
        if phase is None or phase.command is None:
            return
        verdicts = (*VERDICTS, *routes)
        for name in ("on_success_verdict", "on_failure_verdict"):
            verdict: str = getattr(phase.command, name)
            if verdict.strip().lower() not in verdicts:
                hint = did_you_mean(verdict, verdicts)
                message = f"{name!r} of the phase {place.phase_id!r} is {verdict!r}, which has no route here{hint}"
                self._blame(message, *place.where)

    def _check_gate_verdicts(self, place: Place, routes: Mapping[str, Route]) -> None:
        unused = [verdict for verdict in routes if verdict not in ("advance", *REJECTIONS)]
        if all(verdict in routes for verdict in REJECTIONS):
            unused += REJECTIONS[1:]
        for verdict in unused:
            message = f"the route of {verdict!r} has no effect: a gate is approved ('advance') or rejected ('fail')"
            steps = (*self._definition.path, *place.where)
            finding = Finding(path=steps, message=message, severity="warning")
            self._catalog.report.take(finding, self._definition.document)

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

    def _routes_of_phase(self, place: Place) -> dict[str, Route]:
        """What the definition of the phase routes; a target that is not one place here is left out, with a warning."""
        definition = self._catalog.sections["phases"].get(place.phase_id)
        shape: PhaseShape | None = None if definition is None or definition.fault is not None else definition.shape
        routes: dict[str, Route] = {}
        for verdict, route in ({} if shape is None else shape.on_verdict).items():
            names = [*route.allowed_targets, *([route.target] if route.target is not None else [])]
            found = {name: paths[0] for name in names if len(paths := self._meant(name, place)[1]) == 1}
            if route.target is not None and route.target not in found:
                message = (
                    f"{verdict!r} leads from the phase {place.phase_id!r} to {route.target!r}, "
                    "which is not one place of this workflow; it takes its usual way"
                )
                steps = (*self._definition.path, *place.where)
                finding = Finding(path=steps, message=message, severity="warning")
                self._catalog.report.take(finding, self._definition.document)
                continue
            routes[verdict.strip().lower()] = Route(
                target=None if route.target is None else found[route.target],
                guard=None if route.guard is None else parse_route_guard(route.guard),
                allow_agent_target=route.allow_agent_target,
                allowed_targets=[found[name] for name in route.allowed_targets if name in found],
            )
        return routes

    def _target(self, name: str, place: Place, steps: Path) -> str | None:
        """The instance path a name means, seen from a place."""
        scope, named = self._meant(name, place)
        if len(named) == 1:
            return named[0]
        if named:
            choice = ", ".join(path.removeprefix(scope) for path in named)
            self._blame(f"the target {name!r} stands for several places; name one of: {choice}", *steps)
            return None
        known = [END_TARGET, *(other.path for other in self._places)]
        self._blame(f"unknown target {name!r}{did_you_mean(name, known)}", *steps)
        return None

    def _meant(self, name: str, place: Place) -> tuple[str, list[str]]:
        """The paths a name may mean, and below which: the entry's own workflow first, then the ones around it."""
        if name == END_TARGET:
            return "", [END_TARGET]
        for scope in place.scopes:
            inside = [other for other in self._places if other.path.startswith(scope)]
            named = [other.path for other in inside if other.path == scope + name]
            named = named or [other.path for other in inside if other.phase_id == name]
            if named:
                return scope, named
        return "", []


def _worktree(shape: WorkflowShape, git: IntegrationShape | None) -> Worktree | None:
    settings = worktree_of(shape.worktree)
    if git is None or git.base_branch is None or (settings is not None and settings.base_ref is not None):
        return settings
    return msgspec.structs.replace(settings or Worktree(), base_ref=git.base_branch)


def _post_success(post_success: PostSuccess | None, git: IntegrationShape | None) -> PostSuccess | None:
    merge = None if post_success is None else post_success.merge
    if post_success is None or merge is None or merge.target_branch is not None:
        return post_success
    if git is None or git.base_branch is None:
        return post_success
    merge = msgspec.structs.replace(merge, target_branch=git.base_branch)
    return msgspec.structs.replace(post_success, merge=merge)
