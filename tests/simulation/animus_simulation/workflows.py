"""What is run: one workflow for each way in which a run can go."""

from pathlib import Path

__all__ = ["IDEMPOTENT", "WORKFLOWS", "write_project"]

WORKFLOWS = ("plain", "ship", "gated", "risky")
IDEMPOTENT = frozenset({"build", "check"})
"""Phases that may simply run again after a crash; the others may not."""

GATE_SECONDS = 1800

_TEXT = """\
default_workflow_ref: plain
workflows:
  - {id: plain, worktree: skip, phases: [build]}
  - id: ship
    worktree: skip
    phases:
      - build
      - check: {on_verdict: {rework: {target: build}}}
      - deploy
  - {id: gated, worktree: skip, phases: [build, approve, deploy]}
  - {id: risky, worktree: skip, phases: [deploy, expiring, announce]}
phases:
  build: {mode: command, idempotency: idempotent, command: {program: sh, timeout_secs: 100}}
  check: {mode: command, idempotency: idempotent, retry: {max_attempts: 2}, command: {program: sh}}
  deploy: {mode: command, idempotency: sideeffecting, command: {program: sh, timeout_secs: 100}}
  announce: {mode: command, command: {program: sh}}
  approve: {mode: manual, manual: {instructions: "Look at it."}}
  expiring: {mode: manual, manual: {instructions: "Look soon.", timeout_secs: GATE}}
"""
_SCHEDULES = """\
schedules:
  - {id: often, every: 10m, workflow_ref: plain}
  - {id: hourly, cron: "0 * * * *", timezone: Europe/Berlin, workflow_ref: plain, catch_up: all}
"""


def write_project(root: Path, *, has_schedules: bool) -> None:
    """A project with these workflows."""
    text = _TEXT + (_SCHEDULES if has_schedules else "")
    folder = root / ".animus" / "workflows"
    folder.mkdir(parents=True)
    (folder / "simulation.yaml").write_text(text.replace("GATE", str(GATE_SECONDS)), encoding="utf-8")
