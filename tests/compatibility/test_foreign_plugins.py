"""Plugins that were not written with our library, under our host: every kind of the suites, and other languages."""

import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from animus_plugin_protocol import RefusedError, methods
from animus_plugin_protocol.wire.lifecycle import InitExtensions, PluginManifest, ProjectBinding
from animus_plugin_runtime import HostOffer, SupervisedPlugin
from animus_plugin_runtime.candidate import Candidate
from animus_process import ProcessLedger

CONFORMANCE = Path(__file__).resolve().parents[2] / "conformance" / "tests"
CALL_SECONDS = 60.0
DISPATCH = {
    "subject": {"kind": "animus.task", "id": "TASK-001", "title": "About it"},
    "workflow_ref": "passing",
    "trigger_source": "manual",
    "requested_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def foreign(tmp_path):
    """A plugin of somebody else, bound to a project, not yet started."""

    def make(*argv):
        binding = ProjectBinding(project_root=str(tmp_path), repo_scope="foreign-0", state_dir=str(tmp_path / "state"))
        manifest = PluginManifest(
            name="foreign", version="1.0.0", plugin_kind="custom", description="Another's.", protocol_version="1.1.0"
        )
        candidate = Candidate(
            name="foreign", source="user", argv=argv, path=tmp_path, fingerprint="", manifest=manifest
        )
        return SupervisedPlugin(
            candidate,
            HostOffer(name="animus", version="0.1.0", extensions=InitExtensions(project_binding=binding)),
            ledger=ProcessLedger(tmp_path / "processes"),
            project_root=tmp_path,
        )

    return make


@pytest.fixture
def answers(run, foreign):
    """The results of calls, made one after the other with params as they stand."""

    def ask(argv, *calls):
        async def main():
            plugin = foreign(*argv)
            connection = await plugin.connection()
            try:
                raw = [
                    await connection.call_raw(method, msgspec.json.encode(params), timeout_seconds=CALL_SECONDS)
                    for method, params in calls
                ]
            finally:
                await plugin.stop()
            return [msgspec.json.decode(result) for result in raw]

        return run(main())

    return ask


STRANGER = (sys.executable, "-S", str(CONFORMANCE / "twin"))


def test_queue_of_somebody_else_is_served_in_both_generations(answers):
    lease = {"max": 1, "owner_id": "me", "workflow_ids": ["wf-2"]}
    enqueued, listed, leased, fenced, leased_fenced = answers(
        STRANGER,
        (methods.QUEUE_ENQUEUE, {"subject_dispatch": DISPATCH}),
        (methods.QUEUE_LIST, {}),
        (methods.QUEUE_LEASE, {"max": 1, "workflow_ids": ["wf-1"]}),
        (methods.QUEUE_V2_ENQUEUE, {"subject_dispatch": {**DISPATCH, "subject": {"kind": "task", "id": "TASK-002"}}}),
        (methods.QUEUE_V2_LEASE, lease),
    )
    assert [entry["entry_id"] for entry in listed["entries"]] == [enqueued["entry_id"]]
    assert leased["leased"][0]["workflow_id"] == "wf-1"
    assert fenced["enqueued"]
    assert leased_fenced["leased"][0]["execution"]["workflow_id"] == "wf-2"


def test_subjects_of_somebody_else_are_served_by_kind(answers):
    made, found = answers(
        STRANGER, ("task/create", {"title": "Write it"}), (methods.SUBJECT_LIST, {"filter": {"kind": ["task"]}})
    )
    assert [subject["id"] for subject in found["subjects"]] == [made["id"]]


def test_journal_and_provider_of_somebody_else_are_served(answers, tmp_path):
    command = {"program": "sh", "args": ["-c", "echo hello"]}
    saved = {"run": {"workflow_id": "wf-1", "status": "running", "updated_at": "2026-01-01T00:00:00Z", "blob": {}}}
    _, loaded, ran = answers(
        STRANGER,
        (methods.JOURNAL_SAVE, saved),
        (methods.JOURNAL_LOAD, {"workflow_id": "wf-1"}),
        (methods.AGENT_RUN, {"prompt": "p", "cwd": str(tmp_path), "command": command}),
    )
    assert loaded["run"]["workflow_id"] == "wf-1"
    assert (ran["exit_code"], ran["output"].strip()) == (0, "hello")


@pytest.mark.ci
@pytest.mark.parametrize(("program", "file"), [("bash", "plugin.sh"), ("node", "plugin.mjs")])
def test_plugin_in_another_language_is_started_called_and_ended(run, foreign, program, file):
    path = shutil.which(program)
    assert path is not None, f"{program} is not installed"

    async def main():
        plugin = foreign(path, str(CONFORMANCE / "programs" / file))
        connection = await plugin.connection()
        assert await connection.call(methods.PING, timeout_seconds=CALL_SECONDS) == {}
        assert (await connection.call(methods.HEALTH_CHECK, timeout_seconds=CALL_SECONDS)).status == "healthy"
        with pytest.raises(RefusedError, match=r"no|unknown|method"):
            await connection.call_raw("nobody/asks", timeout_seconds=CALL_SECONDS)
        await plugin.stop()

    run(main())
