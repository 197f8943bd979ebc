"""One screen about the project."""

from collections import Counter

from animus_kernel.handlers import daemon, queue, workflows
from animus_kernel.handlers.subjects import list_subjects
from animus_kernel.kernel import Kernel
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import control

__all__ = ["status"]

_RECENT = 10
_SUBJECTS = 500


async def status(kernel: Kernel, params: control.EmptyParams) -> control.ProjectStatusResult:
    """What can be asked is shown; what cannot be asked is named as a problem."""
    problems = list(kernel.packs.problems)
    counted, runs = None, control.WorkflowListResult(runs=[])
    try:
        counted = await queue.stats(kernel, params)
        runs = await workflows.list_runs(kernel, control.WorkflowListParams(limit=_RECENT * 10))
    except RpcFault as fault:
        problems.append(fault.message)
    subjects: dict[str, dict[str, int]] = {}
    for kind in kernel.plugins.subject_kinds():
        try:
            subjects[kind] = await _count(kernel, kind)
        except RpcFault as fault:
            problems.append(fault.message)
    return control.ProjectStatusResult(
        project_root=str(kernel.project.root),
        repo_scope=kernel.project.repo_scope,
        flavor=kernel.flavor.id,
        daemon=await daemon.status(kernel, params),
        queue=counted,
        active=[run for run in runs.runs if run.status in {"running", "pending"}],
        waiting=[run for run in runs.runs if run.status == "paused"],
        recent=runs.runs[:_RECENT],
        subjects=subjects,
        problems=problems,
    )


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
