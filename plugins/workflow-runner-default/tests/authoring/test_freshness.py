import os

from animus_plugin_protocol.wire.lifecycle import PackRoot
from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.authoring.freshness import signature_of

ONE = """
phases: {a: {mode: command, command: {program: sh}}}
workflows: [{id: w, phases: [a]}]
"""


def _write(path, text, age_seconds=60):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (path.stat().st_atime - age_seconds, path.stat().st_mtime - age_seconds))


def test_signature_changes_with_each_kind_of_change(tmp_path):
    seen = [signature_of(tmp_path, []).stamps]
    _write(tmp_path / ".animus/workflows.yaml", ONE)
    seen.append(signature_of(tmp_path, []).stamps)
    _write(tmp_path / ".animus/workflows/more.yaml", ONE)
    seen.append(signature_of(tmp_path, []).stamps)
    (tmp_path / ".animus/workflows/more.yaml").rename(tmp_path / ".animus/workflows/other.yaml")
    seen.append(signature_of(tmp_path, []).stamps)
    assert len(set(seen)) == len(seen)


def test_signature_is_settled_only_when_the_newest_change_is_old(tmp_path):
    _write(tmp_path / ".animus/workflows.yaml", ONE)
    changed = (tmp_path / ".animus/workflows.yaml").stat().st_ctime_ns
    assert not signature_of(tmp_path, [], lambda: changed + 10**9).is_settled
    assert signature_of(tmp_path, [], lambda: changed + 10**10).is_settled


def test_signature_covers_the_files_of_packs(tmp_path):
    pack = tmp_path / "pack"
    _write(pack / "workflows/a.yaml", ONE)
    before = signature_of(tmp_path, [str(pack)])
    _write(pack / "workflows/a.yaml", ONE + "\n")
    assert signature_of(tmp_path, [str(pack)]) != before


def test_source_sees_a_change_made_right_after_a_read(tmp_path):
    _write(tmp_path / ".animus/workflows.yaml", ONE)
    source = ConfigSource([PackRoot(id="p", version="1.0.0", root=str(tmp_path / "none"))])
    assert "w" in source.read(tmp_path).config.workflows
    _write(tmp_path / ".animus/workflows.yaml", ONE.replace("id: w", "id: v"))
    assert "v" in source.read(tmp_path).config.workflows


def test_source_keeps_what_has_settled(tmp_path, monkeypatch):
    _write(tmp_path / ".animus/workflows.yaml", ONE)
    later = (tmp_path / ".animus/workflows.yaml").stat().st_ctime_ns + 10**11
    monkeypatch.setattr(
        "animus_workflow_runner_default.authoring.config_source.signature_of",
        lambda root, packs: signature_of(root, packs, lambda: later),
    )
    source = ConfigSource()
    assert source.read(tmp_path) is source.read(tmp_path)
