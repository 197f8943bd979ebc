"""The checkpoints of runs, as the journal keeps them; which there are is the runner's to say (``workflow/inspect``)."""

import msgspec

from animus_control.errors import ControlError
from animus_kernel.handlers import workflows
from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire import workflow_journal as journal

__all__ = ["get", "prune"]


async def get(kernel: Kernel, params: control.CheckpointParams) -> control.CheckpointResult:
    """One checkpoint."""
    found, _ = await workflows.find(kernel, params.id)
    run_id = found or params.id
    wire = journal.JournalCheckpointParams(workflow_id=run_id, checkpoint_num=params.number)
    loaded = await ask(kernel.plugins, methods.JOURNAL_CHECKPOINT_LOAD, wire, journal.JournalCheckpointLoadResult)
    if loaded.blob is None:
        step = f"animus workflow checkpoints list {run_id}"
        raise ControlError("not_found", f"run {run_id!r} has no checkpoint {params.number}", next_step=step)
    return control.CheckpointResult(id=run_id, number=params.number, blob=loaded.blob)


async def prune(kernel: Kernel, params: control.CheckpointPruneParams) -> control.UnitResult:
    """Forget all but the latest."""
    found, _ = await workflows.find(kernel, params.id)
    wire = journal.JournalCheckpointPruneParams(workflow_id=found or params.id, keep=params.keep)
    await ask(kernel.plugins, methods.JOURNAL_CHECKPOINT_PRUNE, wire, msgspec.Raw)
    return control.UnitResult()
