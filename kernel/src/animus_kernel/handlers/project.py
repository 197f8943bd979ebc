"""One screen about the project."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from animus_composition.scaffold import initialization
from animus_kernel.handlers import daemon, queue, workflows
from animus_kernel.handlers.subjects import list_subjects
from animus_kernel.kernel import Kernel
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import control

__all__ = ["setup", "status"]

_Answer = TypeVar("_Answer")
_Other = TypeVar("_Other")

_RECENT = 10
_UNDER_WAY = 200
_SUBJECTS = 500


async def setup(kernel: Kernel, params: control.ProjectSetupParams) -> control.ProjectInitResult:
    """Write the project's files; whoever answers this is its daemon."""
    return await asyncio.to_thread(initialization.setup, kernel.project, params)


async def status(kernel: Kernel, params: control.EmptyParams) -> control.ProjectStatusResult:
    """What can be asked is shown; what cannot be asked is named as a problem. All is asked at once."""
    lacking = [error.message for error in kernel.roles.problems.values()]
    problems = [*kernel.packs.problems, *lacking]

    async def known(asked: Awaitable[_Answer], otherwise: _Other) -> _Answer | _Other:
        try:
            return await asked
        except RpcFault as fault:
            problems.extend({fault.message}.difference(problems))
            return otherwise

    def runs(**which: Any) -> Coroutine[Any, Any, control.WorkflowListResult]:
        asked = workflows.list_runs(kernel, control.WorkflowListParams(**which))
        return known(asked, control.WorkflowListResult(runs=[]))

    async with asyncio.TaskGroup() as group:
        counted = group.create_task(known(queue.stats(kernel, params), None))
        under_way = group.create_task(runs(status=["pending", "running", "paused"], limit=_UNDER_WAY))
        recent = group.create_task(runs(limit=_RECENT))
        kinds = kernel.plugins.subject_kinds()
        counts = {kind: group.create_task(known(_count(kernel, kind), None)) for kind in kinds}
    open_runs = under_way.result().runs
    return control.ProjectStatusResult(
        project_root=str(kernel.project.root),
        repo_scope=kernel.project.repo_scope,
        flavor=kernel.flavor.id,
        daemon=await daemon.status(kernel, params),
        queue=counted.result(),
        active=[run for run in open_runs if not _waits(run)],
        waiting=[run for run in open_runs if _waits(run)],
        recent=recent.result().runs,
        subjects={kind: count for kind, job in counts.items() if (count := job.result()) is not None},
        problems=problems,
    )


def _waits(run: control.WorkflowRunSummary) -> bool:
    """Whether somebody has to act: a run whose agent asks something counts as running."""
    return run.status == "paused" or run.waiting is not None


async def _count(kernel: Kernel, kind: str) -> dict[str, int]:
    counted: Counter[str] = Counter()
    cursor: str | None = None
    while True:
        params = control.SubjectListParams(kind=kind, limit=_SUBJECTS, cursor=cursor)
        page = await list_subjects(kernel, params)
        counted.update(subject.status.value for subject in page.subjects)
        cursor = page.next_cursor
        if cursor is None:
            return dict(counted)
