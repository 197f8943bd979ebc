"""What the journal forgets, in steps that are short enough to come between the steps of runs.

Only runs that are over, that nobody executes and that are not another runner's are ever touched.
"""

import datetime
from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.model import Retention
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Run
from animus_workflow_runner_default.journal.store import delete_run

__all__ = [
    "BATCH",
    "HEARD_DAYS",
    "Swept",
    "expired_artifacts",
    "expired_worktrees",
    "forget_records",
    "forget_runs",
    "give_back",
]

PAGES = 2_000
"""How many pages of the file one step gives back."""
BATCH = 200
"""How many runs one step looks at; events go ten times as many at once."""
HEARD_DAYS = 1 / 24
"""A run stays for so long after its end, whatever the project says: the host that executed it may have died before it
heard how it ended, and asks again under the same id. Of a run that was forgotten it would get another execution."""
_IS_OVER = (
    "finished_at IS NOT NULL AND status IN ('completed', 'failed', 'escalated', 'cancelled') AND NOT is_foreign"
    " AND workflow_id NOT IN (SELECT workflow_id FROM runner_owner WHERE NOT is_released)"
)


class Swept(NamedTuple):
    """What one step removed; `is_done` once nothing more is due."""

    run_ids: list[str]
    is_done: bool


def _before(now: datetime.datetime, days: float) -> str:
    return timestamp(now - datetime.timedelta(days=days))


def expired_worktrees(journal: Journal, retention: Retention, now: datetime.datetime) -> list[Run]:
    """Runs that ended otherwise than completed and whose worktrees have been kept long enough."""
    if retention.worktrees_max_age_days is None:
        return []
    rows = journal.connection.execute(
        f"SELECT body FROM runner_run WHERE {_IS_OVER} AND status != 'completed' AND finished_at < ?1"  # noqa: S608
        " AND json_extract(CAST(body AS TEXT), '$.checkout.worktree') IS NOT NULL"
        " AND json_extract(CAST(body AS TEXT), '$.checkout.is_removed') IS NULL"
        " ORDER BY finished_at LIMIT ?2",
        (_before(now, retention.worktrees_max_age_days), BATCH),
    )
    return [msgspec.json.decode(row[0], type=Run) for row in rows]


def forget_runs(journal: Journal, retention: Retention, now: datetime.datetime) -> Swept:
    """Forget finished runs beyond the newest ones, as far as they are old enough; their files are the caller's."""
    if retention.runs_keep_last is None and retention.runs_max_age_days is None:
        return Swept([], is_done=True)
    age = max(retention.runs_max_age_days or 0, HEARD_DAYS)
    rows = journal.connection.execute(
        f"SELECT workflow_id FROM (SELECT workflow_id, finished_at FROM runner_run WHERE {_IS_OVER}"  # noqa: S608
        " ORDER BY finished_at DESC LIMIT -1 OFFSET ?1) WHERE finished_at < ?2 LIMIT ?3",
        (retention.runs_keep_last or 0, _before(now, age), BATCH),
    ).fetchall()
    for (run_id,) in rows:
        delete_run(journal, run_id)
    return Swept([row[0] for row in rows], is_done=len(rows) < BATCH)


def expired_artifacts(journal: Journal, retention: Retention, now: datetime.datetime) -> Swept:
    """Mark finished runs whose files have been kept long enough; the caller removes those files."""
    if retention.artifacts_max_age_days is None:
        return Swept([], is_done=True)
    rows = journal.connection.execute(
        f"SELECT workflow_id FROM runner_run WHERE {_IS_OVER} AND swept_at IS NULL AND finished_at < ?1 LIMIT ?2",  # noqa: S608
        (_before(now, retention.artifacts_max_age_days), BATCH),
    ).fetchall()
    journal.connection.executemany(
        "UPDATE runner_run SET swept_at = ? WHERE workflow_id = ?", [(timestamp(now), row[0]) for row in rows]
    )
    return Swept([row[0] for row in rows], is_done=len(rows) < BATCH)


def forget_records(journal: Journal, retention: Retention, now: datetime.datetime) -> bool:
    """Forget old events and checkpoints, and definitions that no run is pinned to; whether nothing more is due."""
    execute, removed = journal.connection.execute, 0
    if retention.events_max_age_days is not None:
        removed += execute(
            "DELETE FROM runner_event WHERE seq IN (SELECT seq FROM runner_event WHERE ts < ?1 LIMIT ?2)",
            (_before(now, retention.events_max_age_days), 10 * BATCH),
        ).rowcount
    if retention.checkpoints_max_age_hours is not None:
        removed += execute(
            "DELETE FROM runner_checkpoint WHERE created_at < ?1 AND num < (SELECT MAX(num) FROM runner_checkpoint"
            " AS newer WHERE newer.workflow_id = runner_checkpoint.workflow_id)",
            (_before(now, retention.checkpoints_max_age_hours / 24),),
        ).rowcount
    execute("DELETE FROM runner_config WHERE hash NOT IN (SELECT config_hash FROM runner_run WHERE NOT is_foreign)")
    return removed < BATCH


def give_back(journal: Journal) -> bool:
    """Return free pages of the file to the system; whether all of them were."""
    execute = journal.connection.execute
    free: int = execute("PRAGMA freelist_count").fetchone()[0]
    # The module steps such a statement once, and one step frees one page, whatever number it is given.
    for _ in range(min(free, PAGES)):
        execute("PRAGMA incremental_vacuum")
    return free <= PAGES
