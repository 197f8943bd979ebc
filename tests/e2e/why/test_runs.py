"""Runs that wait for somebody, and runs that ended badly."""

import pytest

pytestmark = pytest.mark.ci

RISKY = """
phases:
  risky:
    mode: command
    command:
      program: sh
      args: [-c, 'until [ -e "$ANIMUS_PROJECT_ROOT/go-$ANIMUS_SUBJECT_NATIVE_ID" ]; do sleep 0.05; done']
  brief: {mode: manual, manual: {instructions: Be quick., timeout_secs: 6}}
  long: {mode: command, command: {program: sleep, args: ["3.1"]}}
  checked:
    mode: command
    command: {program: "true"}
    evals:
      checks: [{id: there, kind: command, command: sh, args: [-c, 'test -e "$REPO_ROOT/checked"']}]
workflows:
  - {id: risky, worktree: skip, phases: [risky]}
  - {id: brief, worktree: skip, phases: [brief]}
  - {id: checked, worktree: skip, phases: [checked]}
  - {id: costly, worktree: skip, budget: {max_duration_secs: 3}, phases: [long, quick]}
"""

MERGING = """
phases:
  change:
    mode: command
    command: {program: sh, args: [-c, 'echo "$ANIMUS_SUBJECT_ID" > shared.txt']}
    capabilities: {writes_files: true}
workflows:
  - {id: deliver, phases: [change, wait], post_success: {merge: {target_branch: main}}}
  - {id: release, phases: [change, wait], post_success: {merge: {target_branch: release}}}
"""

ENDING = """
phases:
  never: {mode: command, command: {program: sh, args: [-c, test -e fine]}, retry: {max_attempts: 0}}
  hopeless:
    mode: command
    command: {program: sh, args: [-c, test -e fine], on_failure_verdict: fail}
  late: {mode: command, command: {program: sh, args: [-c, 'test -e fine || sleep 600'], timeout_secs: 3}}
  refused: {mode: command, command: {program: PROGRAM}}
  absent: {mode: command, command: {program: nonesuch}}
  full:
    mode: command
    command: {program: sh, args: [-c, 'test -e fine || head -c1 /dev/zero > /dev/full'], on_failure_verdict: fail}
  secret: {mode: command, command: {program: sh, args: [-c, 'test -n "$KEY"'], env: {KEY: "${WHY_KEY}"}}}
  orphan: {mode: agent, directive: Do it., runtime: {tool: TOOL}}
workflows:
  - {id: never, worktree: skip, phases: [never]}
  - {id: hopeless, worktree: skip, phases: [hopeless]}
  - {id: late, worktree: skip, phases: [late]}
  - {id: refused, worktree: skip, phases: [refused]}
  - {id: absent, worktree: skip, phases: [absent]}
  - {id: full, worktree: skip, phases: [full]}
  - {id: secret, worktree: skip, phases: [secret]}
  - {id: orphan, worktree: skip, phases: [orphan]}
"""


def test_gate_whose_time_is_over_fails_its_run_once_a_daemon_is_there(stage):
    stage.define("runs", RISKY)
    subject = stage.ask("brief")
    stage.until(subject, "paused")
    stage.project.kill("animus_kernel")
    stage.frees("gate-expired", subject, mend=lambda: stage.do("daemon", "start"))
    stage.until(subject, "failed")


def test_gate_is_passed(stage):
    subject = stage.ask("gated")
    stage.until(subject, "paused")
    stage.frees("gate", subject)
    stage.until(subject, "completed")


def test_phase_that_may_have_had_effects_is_forced(stage):
    stage.define("runs", RISKY)
    subject = stage.ask("risky")
    stage.begun(subject)
    stage.project.kill("animus_workflow_runner_default")
    stage.until(subject, "paused")
    stage.let(subject)
    stage.frees("may-have-had-effects", subject)
    stage.until(subject, "completed")


def test_paused_run_goes_on(stage):
    subject = stage.ask("wait")
    run = stage.begun(subject)
    stage.do("workflow", "pause", run["id"])
    stage.let(subject)
    stage.until(subject, "paused")
    stage.frees("paused-by-request", subject)
    stage.until(subject, "completed")


def test_budget_that_is_used_up_is_given_again(stage):
    stage.define("runs", RISKY)
    subject = stage.ask("costly")
    stage.until(subject, "paused")
    stage.frees("budget-exhausted", subject)
    stage.until(subject, "completed")


def test_failed_evaluation_is_made_again(stage):
    stage.define("runs", RISKY)
    subject = stage.ask("checked")
    stage.until(subject, "paused")
    stage.frees("evaluation-failed", subject, mend=(stage.root / "checked").touch)
    stage.until(subject, "completed")


def test_merge_waits_for_a_clean_checkout(stage):
    stage.define("merging", MERGING)
    subject = stage.ask("deliver")
    stage.begun(subject)
    stage.project.write("README.md", "mine, and not committed\n")
    stage.let(subject)
    stage.until(subject, "paused")
    stage.frees("merge-over-your-work", subject, mend=lambda: stage.project.git("checkout", "README.md"))
    stage.until(subject, "completed")


def test_merge_goes_on_when_the_conflict_is_settled(stage):
    stage.define("merging", MERGING)
    subject = stage.ask("deliver")
    run = stage.begun(subject)
    stage.wait_until(lambda: stage.run(subject).get("current_phase") == "wait", what="the change")
    stage.project.write("shared.txt", "theirs\n")
    stage.project.git("add", "shared.txt")
    stage.project.git("commit", "-qm", "theirs")
    stage.let(subject)
    stage.until(subject, "paused")

    def settle():
        tree = stage.json("workflow", "get", run["id"])["detail"]["worktree"]
        stage.project.git("-C", tree, "merge", "-q", "-s", "ours", "--no-edit", "main")

    stage.frees("merge-conflict", subject, mend=settle)
    stage.until(subject, "completed")


def test_merge_waits_for_its_target(stage):
    stage.define("merging", MERGING)
    stage.project.git("branch", "-f", "release")
    subject = stage.ask("release")
    stage.begun(subject)
    stage.project.git("branch", "-D", "release")
    stage.let(subject)
    stage.until(subject, "paused")
    stage.frees("merge-stopped", subject, mend=lambda: stage.project.git("branch", "release", "main"))
    stage.until(subject, "completed")


def test_run_under_way_ends(stage):
    subject = stage.ask("wait")
    stage.begun(subject)
    stage.frees("running", subject, mend=lambda: stage.let(subject))
    stage.until(subject, "completed")
    stage.frees("completed", subject)


def _mended(stage, old, new):
    stage.define("ending", ENDING.replace("PROGRAM", "cat").replace("TOOL", "nobody").replace(old, new))


def test_rejected_run_is_asked_for_again(stage):
    subject = stage.ask("gated")
    run = stage.until(subject, "paused")
    stage.do("workflow", "phase", "reject", run["id"], "--note", "not so")
    stage.until(subject, "failed")
    stage.frees("failed", subject)
    stage.again(subject, "quick")


def test_cancelled_run_is_started_again(stage):
    subject = stage.ask("wait")
    run = stage.begun(subject)
    stage.do("workflow", "cancel", run["id"])
    stage.until(subject, "cancelled")
    stage.let(subject)
    stage.frees("cancelled", subject)
    stage.until(subject, "completed")


def test_work_that_was_sent_back_too_often_is_put_right(stage):
    _mended(stage, "", "")
    subject = stage.ask("never")
    stage.until(subject, "escalated", "failed")
    stage.frees("rework-exhausted", subject, mend=(stage.root / "fine").touch)
    stage.again(subject, "never")
    (stage.root / "fine").unlink()


def test_escalated_work_is_put_right(stage):
    _mended(stage, "", "")
    subject = stage.ask("hopeless")
    stage.until(subject, "escalated", "failed")
    stage.frees("escalated", subject, mend=(stage.root / "fine").touch)
    stage.again(subject, "hopeless")
    (stage.root / "fine").unlink()


def test_command_that_took_too_long_is_made_quicker(stage):
    _mended(stage, "", "")
    subject = stage.ask("late")
    stage.until(subject, "failed")
    stage.frees("timed-out", subject, mend=(stage.root / "fine").touch)
    stage.again(subject, "late")
    (stage.root / "fine").unlink()


def test_program_that_is_not_allowed_is_replaced(stage):
    _mended(stage, "", "")
    subject = stage.ask("refused")
    stage.until(subject, "failed")
    stage.frees("program-not-allowed", subject, mend=lambda: _mended(stage, "program: cat", 'program: "true"'))
    stage.again(subject, "refused")


def test_program_that_is_missing_is_replaced(stage):
    _mended(stage, "", "")
    subject = stage.ask("absent")
    stage.until(subject, "failed")
    stage.frees("program-missing", subject, mend=lambda: _mended(stage, "program: nonesuch", 'program: "true"'))
    stage.again(subject, "absent")


def test_disk_without_room_gets_some(stage):
    _mended(stage, "", "")
    subject = stage.ask("full")
    stage.until(subject, "failed", "escalated")
    (stage.root / "fine").touch()
    stage.frees("disk-full", subject)
    stage.again(subject, "full")
    (stage.root / "fine").unlink()


def test_variable_of_the_environment_is_set(stage):
    _mended(stage, "", "")
    subject = stage.ask("secret")
    stage.until(subject, "failed")
    stage.project.environ |= {"WHY_KEY": "x", "ANIMUS_FORWARD_ENV": "WHY_KEY"}
    stage.frees("environment-missing", subject)
    stage.again(subject, "secret")


def test_tool_that_nobody_serves_gets_a_program(stage):
    _mended(stage, "", "")
    subject = stage.ask("orphan")
    stage.until(subject, "failed")

    def serve():
        text = ENDING.replace("PROGRAM", "cat").replace("TOOL", "mine")
        stage.define("ending", text + 'tools: {mine: {executable: "true"}}\n')

    stage.frees("provider-missing", subject, mend=serve)
    stage.again(subject, "orphan")
