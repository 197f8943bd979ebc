"""The command: what it prints, and what its exit code says."""

import json
import xml.etree.ElementTree as ET

import pytest

from animus_conformance.__main__ import EXIT_FAILED, EXIT_PASSED, EXIT_USAGE, main


def test_sound_plugin_ends_with_zero_and_a_line_a_check(twin, capsys):
    assert main(["run", "--only", "ping:answered", "--only", "eof:exit", "--", *twin()]) == EXIT_PASSED
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["passed", "ping:answered"], ["passed", "eof:exit"]]
    assert lines[2] == "2 passed"


def test_failure_shows_requirement_transcript_and_the_command_that_repeats_it(twin, capsys):
    assert main(["run", "--only", "health:answered", "--", *twin("health:answered")]) == EXIT_FAILED
    shown = capsys.readouterr().out
    assert "requirement: 'health/check' is answered with a known status" in shown
    assert '<- {"jsonrpc": "2.0", "id": 2, "result": {"status": "fine"}}' in shown
    assert "repeat with: animus-conformance run --only health:answered -- " in shown
    assert "--break=health:answered" in shown


def test_json_report_counts_what_does_not_apply_apart(twin, capsys, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(CUSTOM, encoding="utf-8")
    main(["run", "--json", "--only", "queue:lease:order", "--only", "ping:answered", "--", "python3", str(plugin)])
    report = json.loads(capsys.readouterr().out)
    assert (report["counts"]["passed"], report["counts"]["not_applicable"]) == (1, 1)
    assert {row["id"]: row["status"] for row in report["outcomes"]}["queue:lease:order"] == "not_applicable"


def test_junit_report_holds_failures_and_skips(twin, capsys, tmp_path):
    file = tmp_path / "junit.xml"
    main(["run", "--junit", str(file), "--only", "health:answered", "--", *twin("health:answered")])
    (case,) = ET.parse(file).getroot().iter("testcase")  # noqa: S314 - our own file
    assert case.get("name") == "health:answered"
    assert case.find("failure") is not None


def test_expected_failure_is_no_failure_until_it_is_stale(twin, capsys, tmp_path):
    file = tmp_path / "expected.toml"
    file.write_text('[expected]\n"health:answered" = "known, see there"\n', encoding="utf-8")
    run = ["run", "--expected", str(file), "--only", "health:answered", "--"]
    assert main([*run, *twin("health:answered")]) == EXIT_PASSED
    assert "known, see there" in capsys.readouterr().out
    assert main([*run, *twin()]) == EXIT_FAILED
    assert "stale_expectation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[expected]\n"no:such" = "r"\n', "no such requirement"),
        ('[expected]\n"eof:exit" = " "\n', "gives no reason"),
        ("[expected", "cannot read expected failures"),
    ],
)
def test_wrong_file_of_expected_failures_is_a_usage_error(twin, capsys, tmp_path, text, complaint):
    file = tmp_path / "expected.toml"
    file.write_text(text, encoding="utf-8")
    assert main(["run", "--expected", str(file), "--", *twin()]) == EXIT_USAGE
    assert complaint in capsys.readouterr().err


def test_missing_method_of_a_kind_that_is_served_is_a_failure(capsys, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(CUSTOM.replace('"custom"', '"queue"'), encoding="utf-8")
    assert main(["run", "--only", "queue:lease:order", "--", "python3", str(plugin)]) == EXIT_FAILED
    assert "serves 'queue' and lacks queue/enqueue" in capsys.readouterr().out


def test_command_that_cannot_be_started_is_a_usage_error(capsys):
    assert main(["run", "--", "./no-such-plugin"]) == EXIT_USAGE
    assert "cannot start './no-such-plugin'" in capsys.readouterr().err


def test_unknown_requirement_kind_and_entry_point_are_usage_errors(twin, capsys):
    assert main(["run", "--only", "no:such", "--", *twin()]) == EXIT_USAGE
    assert main(["run", "--kind", "nothing", "--", *twin()]) == EXIT_USAGE
    assert main(["run", "--entry-point", "no-such-plugin"]) == EXIT_USAGE
    assert main(["run"]) == EXIT_USAGE
    shown = capsys.readouterr().err
    for text in (
        "requirement 'no:such'",
        "kind or suite 'nothing'",
        "entry point 'no-such-plugin'",
        "no plugin is named",
    ):
        assert text in shown


def test_list_names_the_requirements_of_a_kind(capsys):
    assert main(["list", "--kind", "queue"]) == EXIT_PASSED
    shown = capsys.readouterr().out
    assert "queue-v2:lease:fence" in shown
    assert "gate:not-initialized" not in shown
    assert main(["run", "--list"]) == EXIT_PASSED
    assert "gate:not-initialized" in capsys.readouterr().out


def test_budgets_are_measured_and_reported(twin, capsys):
    only = ["--only", "eof:exit", "--only", "queue:lease:once"]
    assert main(["run", "--budgets", "--json", *only, "--", *twin()]) == EXIT_PASSED
    measured = json.loads(capsys.readouterr().out)["budgets"]
    assert measured["cold_start_ms"] > 0
    assert set(measured["p99_ms"]) >= {"$/ping", "health/check", "queue/lease"}
    assert measured["calls"]["queue/lease"] >= 1


def test_relative_path_among_the_words_is_meant_from_here(capsys, tmp_path, monkeypatch):
    (tmp_path / "plugin.py").write_text(CUSTOM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--only", "ping:answered", "--", "python3", "plugin.py"]) == EXIT_PASSED
    assert "1 passed" in capsys.readouterr().out


def test_plugin_that_cannot_be_measured_is_reported_all_the_same(capsys, tmp_path):
    file = tmp_path / "junit.xml"
    words = ["run", "--budgets", "--junit", str(file), "--only", "ping:answered", "--", "python3", "-c", "pass"]
    assert main(words) == EXIT_FAILED
    shown = capsys.readouterr()
    assert "1 failed" in shown.out
    assert "not measured: " in shown.err
    assert file.exists()


CUSTOM = """
import json, sys
INFO = {"name": "p", "version": "1.0.0", "plugin_kind": "custom", "description": "d"}
if "--manifest" in sys.argv:
    print(json.dumps({**INFO, "protocol_version": "1.1.0", "capabilities": []}))
    sys.exit(0)
for line in sys.stdin:
    frame = json.loads(line)
    if "id" in frame:
        result = {"protocol_version": "1.1.0", "plugin_info": INFO, "capabilities": {"methods": []}}
        result = result if frame["method"] == "initialize" else {}
        print(json.dumps({"jsonrpc": "2.0", "id": frame["id"], "result": result}), flush=True)
"""
"""A plugin that serves no kind."""
