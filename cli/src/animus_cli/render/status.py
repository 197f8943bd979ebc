"""``status``: one screen that ends with what waits for the reader."""

from animus_cli.render.daemon import summary
from animus_cli.render.workflow import diff_command
from animus_cli.table import Column, ago, duration, facts, paragraph, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import ProjectStatusResult, WorkflowRunSummary

__all__ = ["overview"]

_RECENT = 5
_SUBJECT_ORDER = ("in-progress", "blocked", "ready", "done", "cancelled")


def overview(result: ProjectStatusResult, screen: Screen) -> list[str]:
    """The daemon, the queue, subjects, runs, and last the things that need somebody."""
    lines = facts(
        [
            ("project", result.project_root),
            ("flavor", result.flavor),
            ("daemon", summary(result.daemon)),
            ("queue", _queue_text(result)),
            *((kind, _counts(counts)) for kind, counts in sorted(result.subjects.items())),
        ],
        screen,
    )
    if result.active:
        heading = "Running" if result.daemon.running else "Waiting for a daemon"
        lines += ["", screen.paint(heading, "bold"), *_active(result.active, screen)]
    finished = [run for run in result.recent if run.finished_at is not None][:_RECENT]
    if finished:
        lines += ["", screen.paint("Recently finished", "bold"), *_finished(finished, screen)]
    if result.waiting:
        lines += ["", screen.paint("Waiting for you", "bold")]
        for run in result.waiting:
            lines += _waiting(run, screen)
    if result.problems:
        lines += ["", screen.paint("Problems", "bold")]
        for problem in result.problems:
            lines += ["  " + line for line in paragraph(problem, screen, indent="  ")]
    steps = _next_steps(result)
    return [*lines, "", *steps] if steps else lines


def _next_steps(result: ProjectStatusResult) -> list[str]:
    """What frees the work that waits for no gate."""
    steps: list[str] = []
    waits = bool(result.active) or (result.queue is not None and result.queue.pending > 0)
    if waits and not result.daemon.running:
        steps.append("Work waits and no daemon runs. next: animus daemon start")
    elif waits and result.daemon.paused:
        steps.append("Work waits and the daemon is paused. next: animus daemon resume")
    if result.queue is not None and result.queue.held:
        steps.append(f"{result.queue.held} held in the queue. next: animus queue list --status held")
    for kind, counts in sorted(result.subjects.items()):
        if counts.get("blocked"):
            steps.append(
                f"{counts['blocked']} {kind} blocked. next: animus subject list --kind {kind} --status blocked"
            )
    return steps


def _queue_text(result: ProjectStatusResult) -> str:
    if result.queue is None:
        return "not available"
    counts = {"pending": result.queue.pending, "assigned": result.queue.assigned, "held": result.queue.held}
    text = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return (text or "empty") + (f" ({result.queue.deferred} not due yet)" if result.queue.deferred else "")


def _counts(counts: dict[str, int]) -> str:
    order = [*_SUBJECT_ORDER, *(word for word in counts if word not in _SUBJECT_ORDER)]
    return ", ".join(f"{counts[word]} {word}" for word in order if counts.get(word))


def _active(runs: list[WorkflowRunSummary], screen: Screen) -> list[str]:
    columns = [
        Column("RUN"),
        Column("WORKFLOW", flexible=True),
        Column("SUBJECT", flexible=True),
        Column("PHASE"),
        Column("FOR"),
    ]
    rows = [
        [
            run.id,
            run.definition,
            run.subject_id or "",
            _phase(run),
            duration((screen.now - run.started_at).total_seconds()),
        ]
        for run in runs
    ]
    return table(columns, rows, screen, indent="  ")


def _finished(runs: list[WorkflowRunSummary], screen: Screen) -> list[str]:
    columns = [
        Column("RUN"),
        Column("WORKFLOW", flexible=True),
        Column("SUBJECT", flexible=True),
        Column("STATUS", status=True),
        Column("WHEN"),
    ]
    rows = [[run.id, run.definition, run.subject_id or "", run.status, ago(run.finished_at, screen)] for run in runs]
    return table(columns, rows, screen, indent="  ")


def _waiting(run: WorkflowRunSummary, screen: Screen) -> list[str]:
    if run.waiting is None:
        text = f"{run.id} ({run.subject_id or run.definition}): {run.reason or run.status}"
        return paragraph(text, screen, indent="  ")
    where = f" at {run.waiting.phase_id}" if run.waiting.phase_id else ""
    text = f"{run.id} ({run.subject_id or run.definition}){where}: {run.waiting.reason}"
    lines = paragraph(text, screen, indent="  ")
    if run.branch is not None:
        lines.append(f"    {diff_command(run.branch)}")
    return [*lines, f"    {screen.paint(clean(run.waiting.command), 'bold')}"]


def _phase(run: WorkflowRunSummary) -> str:
    attempt = f" (attempt {run.attempt})" if run.attempt is not None and run.attempt > 1 else ""
    return (run.current_phase or "") + attempt
