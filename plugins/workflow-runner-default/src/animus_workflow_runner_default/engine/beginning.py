"""What comes before the first phase of a run: the place it works in, and whether it could ever land."""

from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.record import Checkout, Run
from animus_workflow_runner_default.phases.phase_work import PhaseWork
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.landing import landing_problem, lands_nothing
from animus_workflow_runner_default.repository.worktree import CheckoutError, open_checkout, project_itself

__all__ = ["Place", "open_place", "place_at_once"]


class Place(NamedTuple):
    """Where a run works, or why it can never be carried out."""

    checkout: Checkout | None = None
    problem: str | None = None


async def open_place(run: Run, work: PhaseWork, git: Git, services: Services) -> Place:
    """Make the place a run works in."""
    problem = work.problem(run)
    if problem is not None:
        return Place(problem=problem)
    root, plan = services.project_root, work.plan
    try:
        checkout = await open_checkout(
            git,
            root,
            services.worktrees,
            subject_id=run.subject.id,
            run_id=run.workflow_id,
            settings=plan.checkout_settings(),
        )
        return Place(checkout, await landing_problem(git, checkout, plan.workflow, root))
    except (CheckoutError, GitError) as error:
        return Place(problem=str(error))


def place_at_once(run: Run, work: PhaseWork, services: Services) -> Checkout | None:
    """The place of a run for which nothing has to be made and git is not asked; None for any other."""
    if run.checkout is not None or work.plan.checkout_settings().mode != "skip" or work.problem(run) is not None:
        return None
    checkout = project_itself(services.project_root)
    return checkout if lands_nothing(msgspec.structs.replace(run, checkout=checkout), work.plan.workflow) else None
