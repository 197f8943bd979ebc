"""What is run: one workflow for each way in which a run can go."""

from pathlib import Path

__all__ = ["IDEMPOTENT", "PROVIDERS", "SCHEDULES", "SENSOR", "TRIGGER", "WORKFLOWS", "write_project"]

WORKFLOWS = ("plain", "ship", "gated", "risky", "written", "drafted")
PROVIDERS = ("primary", "spare")
IDEMPOTENT = frozenset({"build", "check", "draft"})
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
  - {id: written, worktree: skip, phases: [write, deploy]}
  - {id: drafted, worktree: skip, phases: [draft, approve, write]}
agents:
  coder: {system_prompt: You write., tool: primary, fallback_tools: [spare]}
phases:
  build: {mode: command, idempotency: idempotent, command: {program: sh, timeout_secs: 100}}
  check: {mode: command, idempotency: idempotent, retry: {max_attempts: 2}, command: {program: sh}}
  deploy: {mode: command, idempotency: sideeffecting, command: {program: sh, timeout_secs: 100}}
  announce: {mode: command, command: {program: sh}}
  write: {mode: agent, agent: coder, directive: Write it, idempotency: sideeffecting, runtime: {timeout_secs: 300}}
  draft: {mode: agent, agent: coder, directive: Draft it, idempotency: idempotent, runtime: {max_attempts: 2}}
  approve: {mode: manual, manual: {instructions: "Look at it."}}
  expiring: {mode: manual, manual: {instructions: "Look soon.", timeout_secs: GATE}}
"""
_SCHEDULES = """\
schedules:
  - {id: often, every: 10m, workflow_ref: plain}
  - {id: hourly, cron: "0 * * * *", timezone: Europe/Berlin, workflow_ref: plain, catch_up: all}
  - {id: nightly, cron: "30 2 * * *", timezone: Europe/Berlin, workflow_ref: plain, catch_up: all}
  - {id: punctual, cron: "30 2 * * *", timezone: Europe/Berlin, workflow_ref: plain, catch_up: skip}
"""
TRIGGER, SENSOR = "happened", "sensor"
_TRIGGERS = f"""\
triggers:
  - {{id: {TRIGGER}, type: plugin, workflow_ref: plain, config: {{plugin: {SENSOR}}}}}
"""
SCHEDULES = {"often": "fire_once", "hourly": "all", "nightly": "all", "punctual": "skip"}
"""What each does about missed moments; `timetable.py` says when it should fire."""


def write_project(root: Path, *, has_schedules: bool, has_triggers: bool) -> None:
    """A project with these workflows."""
    text = _TEXT + (_SCHEDULES if has_schedules else "") + (_TRIGGERS if has_triggers else "")
    folder = root / ".animus" / "workflows"
    folder.mkdir(parents=True)
    (folder / "simulation.yaml").write_text(text.replace("GATE", str(GATE_SECONDS)), encoding="utf-8")
