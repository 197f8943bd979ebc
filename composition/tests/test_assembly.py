"""Manifest, settings, flavors, packs and roles: read strictly, bound without guessing."""

from pathlib import Path

import pytest

from animus_composition.flavor import Flavor, find_flavors, load_flavor, missing_distributions
from animus_composition.manifest import load_manifest, set_flavor
from animus_composition.pack import resolve_packs
from animus_composition.roles import bind_roles
from animus_composition.settings import DaemonSettings, load_settings, save_settings
from animus_control.errors import ControlError
from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_protocol.wire.subject import SubjectStatus
from animus_plugin_runtime import Candidate, Discovery

FLAVOR = """
schema = "animus.flavor.v1"
id = "{id}"
version = "1.0.0"
title = "T"
[queue]
required = ["animus-queue-nowhere"]
[roles]
queue = "queue-nowhere"
"""
PACK = """
schema = "animus.pack.v1"
id = "{id}"
version = "{version}"
kind = "domain-pack"
title = "T"
[ownership]
mode = "installed"
[subjects]
kinds = ["animus.thing"]
[projection]
running = "in-progress"
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a data wheel into a directory of the search path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(group, name, package, file, content):
        (site / package).mkdir()
        (site / package / "__init__.py").write_text("raise AssertionError('data is not imported')")
        (site / package / file).write_text(content)
        info = site / f"{package}-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {package}\n")

    return make


def candidate(name, *kinds, problem=None, capabilities=()):
    manifest = PluginManifest(
        name=f"animus-{name}",
        version="1.0.0",
        plugin_kind=kinds[0] if kinds else "custom",
        plugin_kinds=list(kinds[1:]),
        description="d",
        protocol_version="1.1.0",
        capabilities=list(capabilities),
    )
    return Candidate(
        name=name,
        source="environment",
        argv=("x",),
        path=Path("/x"),
        fingerprint="f",
        manifest=manifest,
        problem=problem,
    )


def flavor(**roles):
    return Flavor(schema="animus.flavor.v1", id="f", version="1", title="T", roles=roles)


def test_project_without_a_manifest_has_the_defaults(project):
    assert load_manifest(project).flavor == "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('flavr = "x"', "unknown key 'flavr'; did you mean 'flavor'"),
        ("flavor = 1", r"Expected `str`, got `int` - at `\$.flavor`"),
        ("flavor =", "Invalid value"),
        ('[packs]\n"animus.thing" = "1"', r"write one \[\[packs\]\] entry"),
        ('[[packs]]\nid = "a"\nversoin = "1"', r"unknown key 'versoin' in 'packs\[0\]'; did you mean 'version'"),
    ],
)
def test_bad_manifest_is_named_with_file_and_cause(project, text, message):
    project.manifest_path.write_text(text)
    with pytest.raises(ControlError, match=message) as caught:
        load_manifest(project)
    assert caught.value.message.startswith(str(project.manifest_path))
    assert caught.value.category == "invalid_request"


def test_setting_the_flavor_keeps_comments_and_the_rest(project):
    project.manifest_path.write_text('# ours\nflavor = "default" # chosen\n\n[daemon]\npool_size = 2\n')
    set_flavor(project, "other")
    assert project.manifest_path.read_text() == '# ours\nflavor = "other" # chosen\n\n[daemon]\npool_size = 2\n'
    assert project.manifest_path.stat().st_mode & 0o777 == 0o644


def test_settings_come_from_flags_before_manifest_before_store(project):
    project.ensure_state()
    save_settings(project, DaemonSettings(pool_size=7, paused=True))
    assert load_settings(project) == DaemonSettings(pool_size=7, paused=True)
    project.manifest_path.write_text("[daemon]\npool_size = 2\nheartbeat_seconds = 5\n")
    assert load_settings(project).pool_size == 2
    assert load_settings(project, pool_size=3, heartbeat_seconds=None) == DaemonSettings(
        pool_size=3, heartbeat_seconds=5, paused=True
    )


@pytest.mark.parametrize("text", ["pool_size = 0", "pool_size = 65", "pool_szie = 2", "heartbeat_seconds = 0"])
def test_setting_out_of_range_or_unknown_is_refused(project, text):
    project.manifest_path.write_text(f"[daemon]\n{text}\n")
    with pytest.raises(ControlError, match="daemon settings"):
        load_settings(project)


def test_broken_store_of_settings_is_named(project):
    project.ensure_state()
    (project.state_dir / "daemon" / "pm-config.json").write_text("{")
    with pytest.raises(ControlError, match=r"pm-config\.json.*repair or delete it"):
        load_settings(project)


def test_flavor_is_found_as_data_and_says_what_is_missing(install):
    install("animus.flavors", "mine", "my_flavor", "flavor.toml", FLAVOR.format(id="mine"))
    found = load_flavor("mine")
    assert [need.distribution for need in missing_distributions(found)] == ["animus-queue-nowhere"]
    assert missing_distributions(found)[0].section == "queue"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FLAVOR.format(id="other"), "id is 'other', but it is installed as 'mine'"),
        (FLAVOR.format(id="mine").replace("[queue]", "[queu]"), "unknown key 'queu'; did you mean 'queue'"),
        (FLAVOR.format(id="mine").replace("animus-queue-nowhere", "owner/repo"), "owner/repository slug"),
        (FLAVOR.format(id="mine").replace('"queue-nowhere"', '["a", "b"]'), "role 'queue' has one holder"),
    ],
)
def test_broken_flavor_is_listed_with_its_problem(install, text, message):
    install("animus.flavors", "mine", "my_flavor", "flavor.toml", text)
    file = next(file for file in find_flavors() if file.id == "mine")
    assert message in file.problem
    with pytest.raises(ControlError, match="cannot be used"):
        load_flavor("mine")


def test_flavor_that_is_not_installed_comes_with_the_command():
    with pytest.raises(ControlError) as caught:
        load_flavor("nowhere")
    assert caught.value.remediation["install_command"].endswith("-m pip install animus-flavor-nowhere")


def test_packs_resolve_project_before_machine_before_environment(project, install):
    install("animus.packs", "p", "p_pack", "pack.toml", PACK.format(id="p", version="1.0.0"))
    assert [(pack.source, pack.manifest.version) for pack in _packs(project, "p")] == [("bundled", "1.0.0")]
    for version in ("1.9.0", "1.10.0"):
        _write(project.config_dir / "packs" / "p" / version, PACK.format(id="p", version=version))
    assert [(pack.source, pack.manifest.version) for pack in _packs(project, "p")] == [("installed", "1.10.0")]
    _write(project.authored_dir / "plugins" / "p", PACK.format(id="p", version="9.0.0"))
    assert [(pack.source, pack.manifest.version) for pack in _packs(project, "p")] == [("project", "9.0.0")]


@pytest.mark.parametrize(
    ("pin", "source"),
    [('version = "1.9.0"', "installed"), ('version = "builtin"', "bundled"), ("enabled = false", None)],
)
def test_pin_chooses_the_pack(project, install, pin, source):
    install("animus.packs", "p", "p_pack", "pack.toml", PACK.format(id="p", version="1.0.0"))
    for version in ("1.9.0", "1.10.0"):
        _write(project.config_dir / "packs" / "p" / version, PACK.format(id="p", version=version))
    project.manifest_path.write_text(f'[[packs]]\nid = "p"\n{pin}\n')
    assert [pack.source for pack in _packs(project, "p")] == ([source] if source else [])


def test_pinned_pack_that_is_not_there_is_a_problem(project):
    project.manifest_path.write_text('[[packs]]\nid = "gone"\nversion = "2.0.0"\n')
    assert "'gone' 2.0.0" in "".join(resolve_packs(project, load_manifest(project)).problems)


def test_broken_pack_is_named_and_stops_only_itself(project, install):
    install("animus.packs", "p", "p_pack", "pack.toml", PACK.format(id="p", version="1.0.0"))
    _write(project.authored_dir / "plugins" / "bad", PACK.format(id="bad", version="1") + '\nrunnin = "done"\n')
    packs = resolve_packs(project, load_manifest(project))
    assert [problem for problem in packs.problems if "bad" in problem and "runnin" in problem]
    assert packs.projection_for("animus.thing") == {"running": SubjectStatus.IN_PROGRESS}
    assert packs.projection_for("other") == {}


def _packs(project, pack_id):
    return [pack for pack in resolve_packs(project, load_manifest(project)).packs if pack.manifest.id == pack_id]


def _write(folder, text):
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text(text)


def test_bound_plugin_is_used_even_if_another_serves_the_same():
    found = Discovery(plugins=[candidate("a", "queue"), candidate("b", "queue"), candidate("r", "workflow_runner")])
    table = bind_roles(flavor(queue="b", workflow_runner="r"), found)
    assert table.holders["queue"].name == "b"
    assert table.problems == {}


def test_project_lays_its_own_roles_over_the_flavors(project, install):
    from animus_composition.assembly import assemble

    install("animus.flavors", "mine", "my_flavor", "flavor.toml", FLAVOR.format(id="mine"))
    project.manifest_path.write_text('flavor = "mine"\n[roles]\nprovider = ["provider-echo"]\n')
    roles = assemble(project).flavor.roles
    assert roles == {"queue": "queue-nowhere", "provider": ["provider-echo"]}
    project.manifest_path.write_text('flavor = "mine"\n[roles]\nqueue = ["a", "b"]\n')
    with pytest.raises(ControlError, match="role 'queue' has one holder"):
        assemble(project)


def test_two_candidates_for_an_unbound_role_are_both_named():
    found = Discovery(plugins=[candidate("a", "queue"), candidate("b", "queue"), candidate("r", "workflow_runner")])
    table = bind_roles(flavor(workflow_runner="r"), found)
    with pytest.raises(ControlError, match="'a' and 'b' all serve role 'queue'") as caught:
        table.require()
    assert caught.value.category == "conflict"


def test_missing_role_names_the_command_for_this_environment():
    table = bind_roles(flavor(), Discovery())
    with pytest.raises(ControlError, match=r"no plugin serves role 'queue'.* -m pip install animus-queue-default"):
        table.require()


def test_plugin_that_does_not_serve_its_role_is_refused():
    found = Discovery(plugins=[candidate("a", "subject_backend", "notifier"), candidate("r", "workflow_runner")])
    table = bind_roles(flavor(queue="a", workflow_runner="r"), found)
    with pytest.raises(ControlError, match="serves only: subject_backend, notifier"):
        table.require()


def test_unusable_plugin_is_refused_with_its_problem():
    found = Discovery(plugins=[candidate("a", "queue", problem="it is not trusted"), candidate("r", "workflow_runner")])
    with pytest.raises(ControlError, match="it is not trusted"):
        bind_roles(flavor(queue="a", workflow_runner="r"), found).require()


def test_backend_holds_the_role_of_the_kinds_it_declares():
    backend = candidate("s", "subject_backend", capabilities=["subject_kind:thing"])
    table = bind_roles(
        flavor(**{"subject_backend:thing": "s", "subject_backend:other": "s"}), Discovery(plugins=[backend])
    )
    assert "subject_backend:thing" in table.holders
    assert "subject_backend:other" in table.problems
    assert table.roles_of("s") == ["subject_backend:thing"]


def test_backend_of_a_kind_that_the_flavor_does_not_bind_gets_it_when_it_is_the_only_one():
    first = candidate("s", "subject_backend", capabilities=["subject_kind:thing"])
    second = candidate("t", "subject_backend", capabilities=["subject_kind:ticket", "subject_kind:thing"])
    table = bind_roles(flavor(**{"subject_backend:thing": "s"}), Discovery(plugins=[first, second]))
    assert table.holders["subject_backend:thing"].name == "s"
    assert table.holders["subject_backend:ticket"].name == "t"


def test_two_backends_of_a_kind_that_nobody_binds_are_both_named():
    found = Discovery(plugins=[candidate(name, "subject_backend", capabilities=["subject_kind:x"]) for name in "ab"])
    table = bind_roles(flavor(), found)
    assert "subject_backend:x" not in table.holders
    assert "'a' and 'b' all serve role 'subject_backend:x'" in table.problems["subject_backend:x"].message
