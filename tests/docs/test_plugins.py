"""The plugins on the page about plugins are plugins."""

import subprocess
import sys
import tomllib

import pytest

from animus_conformance.core import CORE
from animus_conformance.requirement import Status
from animus_conformance.suite import run_checks

PAGE = "docs/plugins.md"
NAMES = ("animus_provider_echo.py", "animus_provider_house.py")


def _file(blocks, name):
    return next(block.text for block in blocks(PAGE) if block.notes.get("file") == name)


def test_every_python_block_is_one_of_the_plugins(blocks):
    assert [block.notes.get("file") for block in blocks(PAGE) if block.language == "python"] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_plugin_keeps_the_core_requirements(name, blocks, tmp_path):
    (tmp_path / name).write_text(_file(blocks, name), encoding="utf-8")
    outcomes = list(run_checks([sys.executable, str(tmp_path / name)], CORE.requirements))
    assert {outcome.requirement_id: outcome.detail for outcome in outcomes if outcome.status is Status.FAILED} == {}
    assert any(outcome.status is Status.PASSED for outcome in outcomes)


def test_the_plugin_in_one_file_runs_only_when_it_is_trusted(shell, blocks):
    file = shell.root / ".animus" / "plugins" / "animus-provider-echo"
    shell.write(".animus/plugins/animus-provider-echo", _file(blocks, NAMES[0]))
    file.chmod(0o755)
    assert "not trusted" in shell.type("animus plugin list").output
    assert shell.type("animus plugin trust .animus/plugins/animus-provider-echo").code == 0
    assert "not trusted" not in shell.type("animus plugin list").output
    manifest = subprocess.run(
        [str(file), "--manifest"], env=shell.environ, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert '"plugin_kind":"provider"' in manifest
    called = shell.type("""animus plugin call provider-echo agent/run --params '{"prompt": "hi"}'""")
    assert '"output": "hi"' in called.output


def test_the_wheel_brings_a_flavor_whose_runs_use_its_provider(shell, blocks, commands, tmp_path):
    """Installed by hand: the metadata of the page's pyproject.toml next to its files, on the path."""
    site = tmp_path / "site"
    project = tomllib.loads(_file(blocks, "pyproject.toml"))["project"]
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    groups = project["entry-points"].items()
    (metadata / "entry_points.txt").write_text(
        "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups),
        encoding="utf-8",
    )
    (site / "animus_flavor_acme").mkdir()
    for name in (NAMES[0], "animus_flavor_acme/flavor.toml"):
        (site / name).write_text(_file(blocks, name), encoding="utf-8")
    shell.write(".animus/workflows/say.yaml", _file(blocks, ".animus/workflows/say.yaml"))
    shell.environ |= {"PYTHONPATH": str(site), "ANIMUS_FORWARD_ENV": "PYTHONPATH"}
    typed = [
        shell.type(command) for block in blocks(PAGE) if block.language == "console" for command, _ in commands(block)
    ]
    assert [one for one in typed if one.code != 0] == []
    assert "say completed" in typed[-1].output
