import json

import pytest

from animus_conformance.__main__ import EXIT_FAILED, EXIT_PASSED, EXIT_USAGE, main


def test_sound_plugin_ends_with_zero_and_a_line_a_check(twin, capsys):
    assert main(["run", "--only", "ping:answered", "--only", "eof:exit", "--", *twin()]) == EXIT_PASSED
    assert capsys.readouterr().out.split("\n") == [
        "passed   ping:answered",
        "passed   eof:exit",
        "2 passed, 0 failed, 0 skipped",
        "",
    ]


def test_broken_plugin_ends_with_one_and_says_why(twin, capsys):
    assert main(["run", "--json", "--only", "health:answered", "--", *twin("health:answered")]) == EXIT_FAILED
    report = json.loads(capsys.readouterr().out)
    assert report["failed"] == 1
    assert "'status': 'fine'" in report["outcomes"][0]["detail"]


def test_command_that_cannot_be_started_is_a_usage_error(capsys):
    assert main(["run", "--", "./no-such-plugin"]) == EXIT_USAGE
    assert "cannot start './no-such-plugin'" in capsys.readouterr().err


def test_unknown_requirement_is_a_usage_error(twin, capsys):
    assert main(["run", "--only", "no:such", "--", *twin()]) == EXIT_USAGE
    assert "unknown requirement 'no:such'" in capsys.readouterr().err


def test_list_names_every_requirement(capsys):
    assert main(["list"]) == EXIT_PASSED
    assert "gate:not-initialized" in capsys.readouterr().out


def test_missing_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["run"])
    assert "usage" in capsys.readouterr().err
