"""What keeps all work from going on: the daemon and its plugins."""

import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci

LEASE_SECONDS = 3
OWN_RUNNER = """
[roles]
workflow_runner = "own-runner"
"""
STAY = """
[daemon.plugins.subject-default]
resident = true

[daemon.plugins.trigger-file]
resident = true
"""
RUNNER = """#!PYTHON
from animus_workflow_runner_default.__main__ import main

raise SystemExit(main())
"""
SOON = """
schedules:
  - {id: soon, every: 1s, workflow_ref: quick, subject: "SUBJECT"}
"""
AGENT = """
phases:
  played: {mode: agent, directive: Do nothing., runtime: {tool: player}}
workflows:
  - {id: played, worktree: skip, phases: [played]}
tools:
  player: {executable: "true"}
"""


def test_daemon_is_started(stage):
    stage.do("daemon", "pause")
    subject = stage.ask("quick")
    stage.do("daemon", "resume")
    stage.until(subject, "completed")
    stage.project.kill("animus_kernel")
    other = stage.ask("quick")
    stage.frees("daemon-not-running", other)
    stage.until(other, "completed")


def test_daemon_without_a_socket_is_restarted(stage):
    stage.do("daemon", "pause")
    subject = stage.ask("quick")
    stage.do("daemon", "resume")
    busy = stage.ask("wait")
    stage.begun(busy)
    socket = stage.json("daemon", "status")["socket_path"]
    Path(socket).unlink()
    stage.frees("daemon-not-answering", busy)
    stage.let(busy)
    stage.until(busy, "completed")
    stage.until(subject, "completed")


def test_paused_daemon_goes_on(stage):
    stage.do("daemon", "pause")
    subject = stage.ask("quick")
    stage.frees("daemon-paused", subject)
    stage.until(subject, "completed")


def test_draining_daemon_is_restarted(stage):
    busy = stage.ask("wait")
    stage.begun(busy)
    stage.do("daemon", "drain")
    subject = stage.ask("quick")
    stage.frees("daemon-draining", subject)
    stage.until(subject, "completed")
    stage.let(busy)
    stage.until(busy, "completed")


def test_work_goes_on_when_a_plugin_died(stage):
    subject = _with_dead_provider(stage, deaths=1)
    stage.frees("plugin-restarting", subject, mend=lambda: stage.do("daemon", "resume"))
    stage.until(subject, "completed")


def test_plugin_that_died_too_often_is_started_with_the_daemon(stage):
    subject = _with_dead_provider(stage, deaths=4)
    stage.frees("plugin-cooling-down", subject, mend=lambda: stage.do("daemon", "restart"))
    stage.do("daemon", "resume")
    stage.until(subject, "completed")


def _with_dead_provider(stage, *, deaths):
    """Work that waits for a paused daemon, and needs a plugin that died so often."""
    stage.define("agent", AGENT)
    stage.do("daemon", "restart")
    for _ in range(deaths):
        stage.until(stage.ask("played"), "completed")
        stage.project.kill("animus_provider_command")
    stage.do("daemon", "pause")
    return stage.ask("played")


def test_plugin_without_a_place_gets_one(stage):
    stage.define("agent", AGENT)
    manifest = stage.project.write("animus.toml", STAY)
    stage.do("daemon", "config", "--plugin-processes", "4")
    stage.do("daemon", "restart")
    stage.do("daemon", "pause")
    subject = stage.ask("played")
    stage.do("plugin", "ping", "trigger-file")
    refused = stage.project.look("plugin", "ping", "provider-command")
    assert "4 plugin processes run and none of them is idle" in refused.out + refused.err
    row = stage.cause("no-room-for-plugin", subject)
    stage.do(*row["command"].replace(" N", " 64").split()[1:])
    stage.do("daemon", "restart")
    stage.do("daemon", "resume")
    stage.until(subject, "completed")
    manifest.unlink()


def test_role_that_lacks_its_plugin_gets_another(stage):
    subject = _before_a_start(stage)
    manifest = stage.project.write("animus.toml", OWN_RUNNER)
    stage.frees("plugin-missing", subject, mend=manifest.unlink)
    _goes_on(stage, subject)


def test_plugin_of_the_repository_is_trusted(stage):
    subject = _before_a_start(stage)
    manifest = stage.project.write("animus.toml", OWN_RUNNER)
    plugin = stage.project.write(".animus/plugins/own-runner", RUNNER.replace("PYTHON", sys.executable))
    plugin.chmod(0o755)
    stage.frees("plugin-untrusted", subject)
    _goes_on(stage, subject)
    assert "own-runner" in [row["name"] for row in stage.json("daemon", "health")["plugins"]]
    manifest.unlink()
    plugin.unlink()
    stage.do("daemon", "restart")


def test_daemon_of_another_version_is_replaced(stage, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import animus_kernel.version as it\nit.VERSION = '0.0.1'\n")
    stage.project.environ["PYTHONPATH"] = str(tmp_path)
    stage.do("daemon", "restart")
    stage.do("daemon", "pause")
    subject = stage.ask("quick")
    del stage.project.environ["PYTHONPATH"]
    stage.frees("daemon-outdated", subject)
    stage.do("daemon", "resume")
    stage.until(subject, "completed")


def test_late_schedule_fires_when_its_subject_can_be_looked_up(stage):
    subject = stage.task()
    stage.define("soon", SOON.replace("SUBJECT", subject))
    stage.do("daemon", "restart")
    for _ in range(4):
        stage.do("subject", "get", subject)
        stage.project.kill("animus_subject_default")
    stage.frees("schedule-late", "schedule:soon", mend=lambda: stage.do("daemon", "restart"))
    stage.until(subject, "completed")
    stage.define("soon", "schedules: []\n")


def _before_a_start(stage):
    """Work that waits for a daemon."""
    stage.do("daemon", "pause")
    subject = stage.ask("quick")
    stage.do("daemon", "stop")
    return subject


def _goes_on(stage, subject):
    stage.do("daemon", "start")
    stage.do("daemon", "resume")
    stage.until(subject, "completed")


def test_lapsed_lease_is_taken_again(stage):
    subject = _orphaned(stage)
    time.sleep(LEASE_SECONDS + 0.1)
    stage.frees("lease-lapsed", subject)
    stage.let(subject)
    stage.until(subject, "completed")


def test_run_whose_entry_was_dropped_is_cancelled(stage):
    subject = _orphaned(stage)
    stage.do("queue", "drop", subject)
    other = stage.ask("quick")
    stage.frees("run-without-entry", stage.run(subject)["id"])
    assert stage.status(subject) == "cancelled"
    stage.ready()
    stage.until(other, "completed")


def _orphaned(stage):
    """A run whose daemon was killed; its lease is short."""
    stage.do("daemon", "stop")
    name = "ANIMUS_QUEUE_LEASE_TTL_SECS"
    short = {name: str(LEASE_SECONDS), "ANIMUS_FORWARD_ENV": name}
    stage.project.environ |= short
    stage.ready()
    for variable in short:
        del stage.project.environ[variable]
    subject = stage.ask("wait")
    stage.begun(subject)
    stage.project.kill("animus_kernel")
    return subject
