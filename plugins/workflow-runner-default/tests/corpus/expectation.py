"""What has to happen on each path through a plan, told from the documents and not from the engine.

Only the way to a place is found with the engine's own steps: a wrong one would not get there, and the path would fail.
"""

from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import VERDICTS
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.routing import Advance, Rework, next_step
from animus_workflow_runner_default.phases.decision import Decision

__all__ = ["ATTRIBUTES", "Route", "allowed_verdicts", "meant_end", "paths_of", "ways"]

ATTRIBUTES = {"priority": "medium", "task_type": "docs"}
"""What guards of the projects compare; with these every guard of a route holds and no phase is skipped."""


def allowed_verdicts(plan: Plan, path: str) -> list[str]:
    """What the phase at a place may return."""
    phase, routes = plan.phase(path), plan.entry(path).on_verdict
    if phase.manual is not None:
        return ["advance", "fail"]
    if phase.command is not None and not phase.command.parse_json_output:
        return list(dict.fromkeys([phase.command.on_success_verdict, phase.command.on_failure_verdict]))
    return list(dict.fromkeys([*VERDICTS, *routes]))


class Route(NamedTuple):
    """One run that is wanted, and how it went."""

    workflow: str
    place: str
    verdict: str
    way: tuple[tuple[str, str], ...]
    """Places before it, with the verdict that leads on from each."""


def meant_end(plan: Plan, path: Route) -> str:
    """How the run has to end, by the rules of the documents and not by the engine's code.

    A rework, and any step back or on the spot, is booked on the place it leads to; the budget used up means that a
    person has to look.
    """
    names = [entry.path for entry in plan.entries]
    due, here, booked = [*path.way, (path.place, path.verdict)], names[0], Counter[str]()
    while True:
        verdict = due.pop(0)[1] if due and due[0][0] == here else plain_verdict(plan, here)
        route = plan.entry(here).on_verdict.get(verdict)
        target = None if route is None else route.target
        if plan.phase(here).manual is not None and verdict == "fail":
            route = route or plan.entry(here).on_verdict.get("rework")
            if route is None:
                return "failed"
            verdict, target = "rework", route.target
        if target is None and verdict in {"skip", "fail"}:
            return "cancelled" if verdict == "skip" else "escalated"
        if target is None:
            following = names.index(here) + (verdict != "rework")
            target = names[following] if following < len(names) else "_end"
        if target == "_end":
            return "completed"
        if verdict == "rework" or names.index(target) <= names.index(here):
            if booked[target] >= plan.rework_budget(target):
                return "escalated"
            booked[target] += 1
        here = target


def plain_verdict(plan: Plan, place: str) -> str:
    """What a phase returns when nothing is the matter."""
    command = plan.phase(place).command
    return "advance" if command is None or command.parse_json_output else command.on_success_verdict


def ways(plan: Plan) -> dict[str, tuple[tuple[str, str], ...]]:
    """The shortest way to every place that can be reached."""
    found: dict[str, tuple[tuple[str, str], ...]] = {plan.entries[0].path: ()}
    waiting = deque(found)
    while waiting:
        here = waiting.popleft()
        for verdict in allowed_verdicts(plan, here):
            if plan.phase(here).manual is not None and verdict == "fail":
                continue
            decision = Decision(verdict=verdict, confidence=1.0, risk="low")
            step = next_step(decision, plan.entry(here), {}, plan, ATTRIBUTES)
            if isinstance(step, Advance | Rework) and step.path not in found:
                found[step.path] = (*found[here], (here, verdict))
                waiting.append(step.path)
    return found


def paths_of(plan: Plan) -> Iterator[Route]:
    """Every place with every verdict."""
    known = ways(plan)
    for entry in plan.entries:
        if entry.path in known:
            for verdict in allowed_verdicts(plan, entry.path):
                yield Route(plan.workflow.id, entry.path, verdict, known[entry.path])
