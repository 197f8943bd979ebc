"""The report about a death."""

import json

from animus_plugin_runtime import crash_report
from animus_plugin_runtime.crash_report import write_crash_report
from animus_plugin_runtime.plugin_event import PluginEvent


def test_report_holds_the_last_words_and_no_secrets(tmp_path):
    frame = 'to_plugin {"method":"agent/run","params":{"env":{"API_KEY":"s3cret"}}}'
    event = PluginEvent(plugin="p", kind="died", pid=7, detail="exit code 3", stderr=["oh"], frames=[frame])
    path = write_crash_report(tmp_path / "crashes", event)
    report = json.loads(path.read_bytes())
    assert (report["plugin"], report["detail"], report["stderr"]) == ("p", "exit code 3", ["oh"])
    assert "agent/run" in report["frames"][0]
    assert "s3cret" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_reports_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(crash_report, "REPORTS_LIMIT", 3)
    paths = [write_crash_report(tmp_path, PluginEvent(plugin="p", kind="died")) for _ in range(5)]
    assert sorted(tmp_path.iterdir()) == sorted(paths[2:])
