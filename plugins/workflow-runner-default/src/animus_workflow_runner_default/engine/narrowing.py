"""A dispatch for one phase of a workflow: ``phase_filter``, read against the plan."""

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Workflow
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.refusal import PhaseNotFoundError
from animus_workflow_runner_default.journal.record import Dispatch

__all__ = ["filtered"]


def filtered(dispatch: Dispatch, workflow: Workflow, config: CompiledConfig) -> Dispatch:
    """The dispatch with ``phase_filter`` as the instance path it means.

    Raises:
        PhaseNotFoundError: the workflow has no such phase.
    """
    wanted = dispatch.phase_filter
    if wanted is None:
        return dispatch
    plan = Plan.of(config, workflow)
    path = plan.place_named(wanted)
    if path is None or path not in plan:
        known = ", ".join(entry.path for entry in plan.entries)
        raise PhaseNotFoundError(f"workflow {workflow.id!r} has no phase {wanted!r}; there are: {known}")
    return msgspec.structs.replace(dispatch, phase_filter=path)
