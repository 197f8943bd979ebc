"""Installing, removing and updating, with a stand-in for uv or pip that writes down how it was called."""

import json
import stat
import sys
from pathlib import Path

import pytest

from animus_composition import installation
from animus_control.errors import ControlError
from animus_plugin_protocol.wire import control

UV = """#!{python}
import json, sys
from pathlib import Path
log = Path({log!r})
log.write_text(log.read_text() + json.dumps(sys.argv[1:]) + "\\n" if log.exists() else json.dumps(sys.argv[1:]) + "\\n")
if "broken" in sys.argv[-1]:
    sys.exit("no such thing on any index")
if "--dry-run" in sys.argv:
    sys.stderr.write("Would install 1 package\\n - animus-thing==1.0.0\\n + animus-thing==2.0.0\\n + other==9\\n")
"""


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """What uv was called with, in an environment without pip."""
    log, uv = tmp_path / "calls.jsonl", tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV.format(python=sys.executable, log=str(log)))
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.setattr(installation, "_has_pip", lambda: False)
    return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A distribution with a plugin; `direct` as PEP 610 records where it came from."""

    def make(direct=None):
        site = tmp_path / "site"
        info = site / "animus_thing-1.0.0.dist-info"
        info.mkdir(parents=True)
        (site / "animus_thing.py").write_text(
            "import json, sys\nif '--manifest' in sys.argv:\n"
            "    print(json.dumps({'name': 'animus-thing', 'version': '1.0.0', 'plugin_kind': 'custom',"
            " 'description': 'A thing.', 'protocol_version': '1.1.0', 'capabilities': []}))\n"
        )
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: animus-thing\nVersion: 1.0.0\n")
        (info / "entry_points.txt").write_text("[animus.plugins]\nthing = animus_thing\n")
        if direct is not None:
            (info / "direct_url.json").write_text(json.dumps(direct))
        monkeypatch.syspath_prepend(str(site))

    return make


def install(source, **more):
    return installation.install(None, control.PluginInstallParams(source=source, **more))


def test_without_yes_nothing_is_done_and_the_command_is_told(calls):
    result = install("animus-thing", version="1.2")
    assert not result.installed
    assert result.steps[0].endswith(f"uv pip install --python {sys.executable} animus-thing==1.2")
    assert calls() == []


def test_with_yes_it_is_installed_into_this_environment(calls):
    assert install("animus-thing[extra]", yes=True).plugin == "animus-thing"
    assert calls() == [["pip", "install", "--python", sys.executable, "animus-thing[extra]"]]


def test_what_nobody_vouches_for_is_installed_only_when_that_is_said(calls, tmp_path):
    wheel = tmp_path / "animus_thing-1.0.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    with pytest.raises(ControlError, match="nobody vouches for it") as caught:
        install(str(wheel), yes=True)
    assert caught.value.remediation["next_step"] == "add --allow-unsigned if you trust it"
    assert calls() == []
    assert install(str(wheel), yes=True, allow_unsigned=True).plugin == "animus-thing"
    assert calls()[0][-1] == str(wheel)


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ("--index-url=https://evil.example", None),
        ("-r", None),
        ("a b", None),
        ("", None),
        ("/nowhere/at/all.whl", None),
        ("./x\0y", None),
        ("name", "--pre"),
        ("name", "1.0 --pre"),
        ("ftp://example.org/x.whl", None),
    ],
)
def test_what_is_no_source_never_reaches_the_installer(calls, source, version):
    with pytest.raises(ControlError) as caught:
        install(source, version=version, yes=True, allow_unsigned=True)
    assert caught.value.category == "invalid_request"
    assert calls() == []


def test_failure_of_the_installer_is_told_in_its_words(calls):
    with pytest.raises(ControlError, match="no such thing on any index") as caught:
        install("broken", yes=True)
    assert caught.value.category == "unavailable"
    assert len(calls()) == 1


def test_without_any_installer_the_way_out_is_named(calls, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ControlError, match="neither pip") as caught:
        install("animus-thing")
    assert "ensurepip" in caught.value.remediation["next_step"]
    assert calls() == []


def test_plugin_is_removed_by_its_distribution_and_a_file_is_left_to_people(calls, installed, project):
    installed()
    installation.uninstall(project, control.PluginNameParams(name="thing"))
    assert calls() == [["pip", "uninstall", "--python", sys.executable, "animus-thing"]]
    file = project.config_dir / "plugins" / "animus-loose"
    file.parent.mkdir(parents=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    with pytest.raises(ControlError, match="is a file and not installed"):
        installation.uninstall(project, control.PluginNameParams(name="loose"))


def test_update_says_what_is_newer_and_brings_exactly_that(calls, installed, project):
    installed()
    params = control.PluginUpdateParams(name="thing", dry_run=True)
    shown = installation.update(project, params).updates
    assert [(row.name, row.from_version, row.to_version, row.applied) for row in shown] == [
        ("animus-thing", "1.0.0", "2.0.0", False)
    ]
    assert len(calls()) == 1
    (done,) = installation.update(project, control.PluginUpdateParams(name="thing")).updates
    assert done.applied
    assert calls()[-1] == ["pip", "install", "--python", sys.executable, "animus-thing==2.0.0"]


def test_update_leaves_alone_what_did_not_come_from_the_index(calls, installed, project):
    installed(direct={"url": "file:///somewhere", "dir_info": {"editable": True}})
    assert installation.update(project, control.PluginUpdateParams(name="thing")).updates == []
    assert calls() == []


def test_pip_is_asked_in_its_own_words(monkeypatch, installed, project):
    report = {"install": [{"metadata": {"name": "animus-thing", "version": "3.0.0"}}]}
    asked = []

    def run(command, **_):
        asked.append(command)
        return type("Done", (), {"returncode": 0, "stdout": json.dumps(report), "stderr": ""})

    installed()
    monkeypatch.setattr(installation, "_has_pip", lambda: True)
    monkeypatch.setattr(installation.subprocess, "run", run)
    (row,) = installation.update(project, control.PluginUpdateParams(name="thing", dry_run=True)).updates
    assert (row.from_version, row.to_version) == ("1.0.0", "3.0.0")
    assert asked[0][:4] == [sys.executable, "-m", "pip", "install"]
    assert not Path(asked[0][-1]).exists()
