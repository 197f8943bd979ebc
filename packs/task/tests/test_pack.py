"""What the wheel promises, read as a host reads it: found without import, parsed as data."""

import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

RUN_STATUSES = {"pending", "running", "paused", "completed", "failed", "escalated", "cancelled"}
SUBJECT_STATUSES = {"ready", "in-progress", "blocked", "done", "cancelled"}


@pytest.fixture
def root() -> Path:
    (found,) = entry_points(group="animus.packs", name="animus.task")
    spec = find_spec(found.value)
    return Path(spec.origin).parent


@pytest.fixture
def manifest(root):
    return tomllib.loads((root / "pack.toml").read_text(encoding="utf-8"))


@pytest.fixture
def definitions(root, manifest):
    yaml = pytest.importorskip("yaml", reason="the pack is data and brings no YAML parser of its own")
    files = sorted((root / manifest["workflows"]["root"]).glob("*.yaml"))
    assert files
    merged = {"workflows": [], "phases": {}, "agents": {}}
    for file in files:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert set(document) <= set(merged)
        merged["workflows"] += document.get("workflows", [])
        merged["phases"] |= document.get("phases", {})
        merged["agents"] |= document.get("agents", {})
    return merged


def test_manifest_identifies_the_pack_under_its_entry_point(manifest):
    assert (manifest["schema"], manifest["id"], manifest["kind"]) == ("animus.pack.v1", "animus.task", "domain-pack")
    assert manifest["ownership"] == {"mode": "bundled"}
    assert manifest["subjects"] == {"kinds": ["animus.task"]}


def test_manifest_has_only_keys_that_something_acts_on(manifest):
    identity = {"schema", "id", "version", "kind", "title", "description"}
    assert set(manifest) == identity | {"ownership", "subjects", "workflows", "projection"}


def test_projection_maps_every_status_but_pending(manifest):
    assert set(manifest["projection"]) == RUN_STATUSES - {"pending"}
    assert set(manifest["projection"].values()) <= SUBJECT_STATUSES


def test_exports_are_exactly_the_workflows_there_are(manifest, definitions):
    assert [workflow["id"] for workflow in definitions["workflows"]] == manifest["workflows"]["exports"]
    assert all(export.startswith("animus.task/") for export in manifest["workflows"]["exports"])


def test_only_the_test_phase_and_the_agents_program_are_left_to_the_project(definitions):
    used = {
        entry if isinstance(entry, str) else next(iter(entry))
        for workflow in definitions["workflows"]
        for entry in workflow["phases"]
    }
    assert used - set(definitions["phases"]) == {"test"}
    assert set(definitions["phases"]) <= used
    assert {agent["tool"] for agent in definitions["agents"].values()} == {"agent"}


@pytest.mark.parametrize("ref", ["animus.task/standard", "animus.task/quick-fix"])
def test_failed_tests_go_back_to_the_implementation(definitions, ref):
    (workflow,) = [workflow for workflow in definitions["workflows"] if workflow["id"] == ref]
    assert {"test": {"on_verdict": {"rework": {"target": "implementation"}}}} in workflow["phases"]
    assert workflow["post_success"] == {"merge": {"strategy": "merge", "cleanup_worktree": True}}


def test_only_the_standard_workflow_asks_a_person(definitions):
    gated = [workflow["id"] for workflow in definitions["workflows"] if "approval" in workflow["phases"]]
    assert gated == ["animus.task/standard"]
    assert definitions["phases"]["approval"]["manual"]["instructions"]


def test_implementation_may_be_run_again_after_a_crash(definitions):
    phase = definitions["phases"]["implementation"]
    assert phase["idempotency"] == "idempotent"
    assert phase["capabilities"] == {"writes_files": True, "requires_commit": True}
    assert definitions["agents"][phase["agent"]]["system_prompt"]
