import json
import os
import sys

import pytest

from animus_plugin_protocol import early
from animus_plugin_runtime.discovery import discover
from animus_plugin_runtime.trust import TrustStore

MANIFEST = {
    "name": "animus-queue-x",
    "version": "1.0.0",
    "plugin_kind": "queue",
    "description": "d",
    "protocol_version": "1.1.0",
    "capabilities": [],
}


class World:
    """A project, a configuration directory and a directory of installed distributions."""

    def __init__(self, root):
        self.root = root
        self.project = root / "project"
        self.config = root / "config"
        self.site = root / "site"
        for path in (self.project / ".animus" / "plugins", self.config / "plugins", self.site):
            path.mkdir(parents=True)

    def program(self, directory, name, text=None, **manifest):
        path = directory / name
        directory.mkdir(parents=True, exist_ok=True)
        line = json.dumps(MANIFEST | {"name": f"animus-{name}"} | manifest)
        path.write_text(text or f"#!/bin/sh\necho ran >> {self.root}/ran-{name}\necho '{line}'\n")
        path.chmod(0o755)
        return path

    def install(self, name, module, source):
        info = self.site / f"animus_{name.replace('-', '_')}-1.0.0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text(f"[animus.plugins]\n{name} = {module}\n")
        (self.site / module).mkdir()
        (self.site / module / "__init__.py").write_text("")
        (self.site / module / "__main__.py").write_text(source)

    def discover(self, **options):
        environ = options.pop("environ", {})
        return discover(self.project, self.config, environ, [str(self.site)], **options)

    def runs(self, name):
        path = self.root / f"ran-{name}"
        return len(path.read_text().split()) if path.exists() else 0


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_empty_places_give_no_plugins_and_are_named(world):
    found = world.discover()
    assert (found.plugins, found.warnings, found.pack_overrides) == ([], [], [])
    assert str(world.project / ".animus" / "plugins") in found.searched
    assert any("animus.plugins" in place for place in found.searched)


def test_untrusted_plugin_of_the_repository_is_never_run(world):
    path = world.program(world.project / ".animus" / "plugins", "queue-x")
    [row] = world.discover().plugins
    assert (row.name, row.source, row.trusted, row.manifest, row.is_usable) == (
        "queue-x",
        "project",
        False,
        None,
        False,
    )
    assert f"animus plugin trust {path}" in row.problem
    assert world.runs("queue-x") == 0
    TrustStore(world.config / "trust.json").trust(path)
    [row] = world.discover().plugins
    assert row.is_usable
    assert row.serves("queue")
    assert world.runs("queue-x") == 1
    path.write_text(path.read_text() + "# changed\n")
    [row] = world.discover().plugins
    assert "changed since it was trusted" in row.problem
    assert world.runs("queue-x") == 1


def test_untrusted_plugin_of_the_repository_does_not_shadow_an_installed_one(world):
    world.program(world.project / ".animus" / "plugins", "queue-x")
    world.program(world.config / "plugins", "queue-x")
    found = world.discover()
    assert [(row.source, row.is_usable) for row in found.plugins] == [("project", False), ("user", True)]


def test_places_win_in_their_order_and_the_shadowed_are_reported(world):
    trusted = world.program(world.project / ".animus" / "plugins", "animus-queue-x")
    TrustStore(world.config / "trust.json").trust(trusted)
    listed = world.program(world.root / "elsewhere", "listed-program")
    (world.config / "plugins.toml").write_text(f'[plugins.queue-x]\ncommand = ["{listed}", "--flag"]\n')
    world.program(world.config / "plugins", "queue-x.sh")
    world.install("queue-x", "queue_x", "raise SystemExit(9)")
    world.program(world.root / "extra", "queue-x")
    found = world.discover(environ={"ANIMUS_PLUGIN_PATH": f"{world.root}/none{os.pathsep}{world.root}/extra"})
    assert [row.source for row in found.plugins] == ["project", "registry", "user", "environment", "path"]
    assert [row.shadowed_by for row in found.plugins] == [None, *[str(trusted)] * 4]
    assert found.plugins[1].argv == (str(listed), "--flag")
    assert [row.name for row in found.usable] == ["queue-x"]
    assert world.runs("queue-x.sh") == 0


def test_installed_plugin_is_probed_as_a_module_that_cannot_see_the_project(world, monkeypatch):
    monkeypatch.chdir(world.project)
    (world.project / "json.py").write_text("raise SystemExit('hostile')")
    source = (
        f"import json, os, sys\nassert sys.argv[1:] == ['--manifest'] and sys.flags.safe_path\n"
        f"assert os.getcwd() != {str(world.project)!r} and not os.listdir('.')\nprint({json.dumps(MANIFEST)!r})\n"
    )
    world.install("queue-x", "queue_x", source)
    (world.site / "sitecustomize.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(world.site))
    monkeypatch.setenv("ANIMUS_FORWARD_ENV", "PYTHONPATH")
    [row] = world.discover().plugins
    assert row.problem is None
    assert row.argv == (sys.executable, "-P", "-m", "queue_x")
    assert (row.distribution, row.version) == ("animus-queue-x", "1.0.0")
    assert row.manifest.name == "animus-queue-x"


def test_installed_plugin_that_keeps_its_handshake_is_started_without_site(world):
    world.install("queue-x", "queue_x", f"import json\nprint({json.dumps(MANIFEST)!r})\n")
    kept = world.site / "queue_x" / "handshake.json"
    kept.write_text('{"protocol_version":"1.1.0"}')
    [row] = world.discover(probe=False).plugins
    assert row.argv == (sys.executable, "-P", "-S", early.__file__, "queue_x", str(world.site / "queue_x"))
    kept.write_text('{"of": "somebody else"}')
    [row] = world.discover(probe=False).plugins
    assert row.argv == (sys.executable, "-P", "-m", "queue_x")


def test_entry_point_without_its_module_says_what_to_install(world):
    info = world.site / "animus_ghost-1.0.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[animus.plugins]\nghost = animus_ghost\n")
    [row] = world.discover().plugins
    assert "install the distribution 'animus-ghost' again" in row.problem


def test_pack_overrides_are_reported_and_anything_else_is_a_warning(world):
    plugins = world.project / ".animus" / "plugins"
    (plugins / "animus.task").mkdir()
    (plugins / "animus.task" / "pack.toml").touch()
    (plugins / "folder").mkdir()
    (plugins / "README.md").touch()
    (world.config / "plugins" / "notes.txt").touch()
    found = world.discover()
    assert found.pack_overrides == [plugins / "animus.task"]
    assert [text.split("'")[1] for text in found.warnings] == [
        str(plugins / "README.md"),
        str(plugins / "folder"),
        str(world.config / "plugins" / "notes.txt"),
    ]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[plugins", "was skipped"),
        ("[other]\nx = 1", "unknown table 'other'"),
        ("[plugins.a]\ncommand = 'x'", "it needs exactly command"),
        ("[plugins.a]\ncommand = ['x']\nmore = 1", "it needs exactly command"),
        ("[plugins.a]\ncommand = []", "it needs exactly command"),
        ("plugins = 3", "'plugins' is no table"),
    ],
)
def test_registry_that_makes_no_sense_is_named(world, text, warning):
    (world.config / "plugins.toml").write_text(text)
    found = world.discover()
    assert found.plugins == []
    assert len(found.warnings) == 1
    assert warning in found.warnings[0]
    assert "plugins.toml" in found.warnings[0]


def test_manifest_is_remembered_until_the_program_changes(world):
    path = world.program(world.config / "plugins", "queue-x")
    for _ in range(3):
        assert world.discover().usable
    assert world.runs("queue-x") == 1
    path.write_text(path.read_text() + "\n# new\n")
    assert world.discover().usable
    assert world.runs("queue-x") == 2


def test_damaged_cache_entry_counts_as_missing(world):
    world.program(world.config / "plugins", "queue-x")
    world.discover()
    [entry] = (world.config / "cache" / "manifests").iterdir()
    entry.write_text("{")
    assert world.discover().usable
    assert world.runs("queue-x") == 2


def test_discovery_can_leave_the_probe_out(world):
    world.program(world.config / "plugins", "queue-x")
    [row] = world.discover(probe=False).plugins
    assert row.manifest is None
    assert world.runs("queue-x") == 0


@pytest.mark.parametrize("where", ["file", "directory"])
def test_plugin_that_anybody_may_replace_is_neither_run_nor_asked(world, where):
    path = world.program(world.config / "plugins", "queue-x")
    (path if where == "file" else path.parent).chmod(0o777)
    [plugin] = world.discover().plugins
    assert not plugin.is_usable
    assert "chmod o-w" in plugin.problem
    assert world.runs("queue-x") == 0
