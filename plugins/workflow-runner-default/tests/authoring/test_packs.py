"""Packs below and above the project's own definitions."""

PHASE = "phases:\n  p: {mode: command, command: {program: %s}}\n"
EXPORTS = '[workflows]\nexports = ["a.b/flow"]\n'


def errors(loaded):
    return [f"{item.position}: {item.message}" for item in loaded.diagnostics if item.severity == "error"]


def flow(name):
    return f"workflows:\n  - {{id: a.b/flow, name: {name}, phases: [p]}}\n"


def test_pack_gives_its_exported_workflows(project):
    pack = project.pack("a.b", {"workflows/f.yaml": PHASE % "x" + flow("pack")}, manifest=EXPORTS)
    loaded = project.load(packs=[pack])
    assert errors(loaded) == []
    assert loaded.config.workflows["a.b/flow"].name == "pack"


def test_project_overrides_packs_and_project_packs_override_the_project(project):
    project.write(".animus/workflows.yaml", flow("project"))
    bundled = project.pack("a.b", {"workflows/f.yaml": PHASE % "x" + flow("bundled")}, manifest=EXPORTS)
    assert project.load(packs=[bundled]).config.workflows["a.b/flow"].name == "project"
    override = project.pack(
        "a.b", {"workflows/f.yaml": PHASE % "x" + flow("override")}, manifest=EXPORTS, source="project"
    )
    assert project.load(packs=[override]).config.workflows["a.b/flow"].name == "override"


def test_installed_pack_overrides_a_bundled_one_in_any_order(project):
    one = project.pack(
        "one", {"workflows/f.yaml": PHASE % "installed"}, manifest="[workflows]\nexports = []\n", source="installed"
    )
    two = project.pack("two", {"workflows/f.yaml": PHASE % "bundled"}, manifest="[workflows]\nexports = []\n")
    for packs in ([one, two], [two, one]):
        assert project.load(packs=packs).config.phases["p"].command.program == "installed"


def test_faulty_override_is_never_replaced_by_what_lies_below(project):
    pack = project.pack("a.b", {"workflows/f.yaml": PHASE % "x" + flow("pack")}, manifest=EXPORTS)
    project.write(".animus/workflows.yaml", "workflows:\n  - {id: a.b/flow, phases: [p], nam: x}\n")
    loaded = project.load(packs=[pack])
    assert loaded.config.workflows == {}
    assert "unknown workflow key 'nam'" in loaded.config.disabled["a.b/flow"]


def test_broken_project_file_disables_the_packs_it_may_override(project):
    pack = project.pack("a.b", {"workflows/f.yaml": PHASE % "x" + flow("pack")}, manifest=EXPORTS)
    project.write(".animus/workflows.yaml", "a: [\n")
    assert list(project.load(packs=[pack]).config.disabled) == ["a.b/flow"]


def test_broken_pack_leaves_the_project_alone(project):
    pack = project.pack("a.b", {"workflows/f.yaml": "a: [\n"}, manifest=EXPORTS)
    project.write(".animus/workflows.yaml", PHASE % "x" + "workflows:\n  - {id: own, phases: [p]}\n")
    assert list(project.load(packs=[pack]).config.workflows) == ["own"]


def test_workflow_that_is_not_exported_is_private_to_its_pack(project):
    text = (
        PHASE % "x"
        + "workflows:\n  - {id: a.b/flow, phases: [{workflow_ref: a.b/inner}]}\n  - {id: a.b/inner, phases: [p]}\n"
    )
    pack = project.pack("a.b", {"workflows/f.yaml": text}, manifest=EXPORTS)
    project.write(".animus/workflows.yaml", "workflows:\n  - {id: own, phases: [{workflow_ref: a.b/inner}]}\n")
    loaded = project.load(packs=[pack])
    assert list(loaded.config.workflows) == ["a.b/flow"]
    assert errors(loaded) == [".animus/workflows.yaml:2:24: unknown workflow 'a.b/inner'; known: a.b/flow, own"]


def test_overlays_and_schedules_named_by_the_manifest_are_read(project):
    manifest = (
        '[runtime]\nagent_overlay = "runtime/agents.yaml"\nworkflow_overlay = "runtime/flow.yaml"\n'
        '[schedules]\nfile = "schedules/s.yaml"\n'
    )
    files = {
        "runtime/agents.yaml": "agents: {a: {tool: t}}\n",
        "runtime/flow.yaml": PHASE % "x",
        "runtime/other.yaml": "phases: {q: {mode: command, command: {program: y}}}\n",
        "schedules/s.yaml": "schedules: [{id: s, cron: '0 8 * * *', workflow_ref: w}]\n",
    }
    config = project.load(packs=[project.pack("a.b", files, manifest=manifest)]).config
    assert (list(config.agents), list(config.phases), [item.id for item in config.schedules]) == (["a"], ["p"], ["s"])


def test_pack_without_the_key_is_allowed_its_own_programs_beside_a_project_list(project):
    pack = project.pack("a.b", {"workflows/f.yaml": PHASE % "/usr/bin/make" + flow("x")}, manifest=EXPORTS)
    project.write(".animus/workflows.yaml", "tools_allowlist: [git]\n")
    assert project.load(packs=[pack]).config.tools_allowlist == ["git", "make"]


def test_pack_may_allow_only_what_its_permissions_name(project):
    manifest = EXPORTS + '[permissions]\ntools = ["make"]\n'
    pack = project.pack("a.b", {"workflows/f.yaml": "tools_allowlist: [make, curl]\n"}, manifest=manifest)
    loaded = project.load(packs=[pack])
    assert loaded.config.tools_allowlist == ["make"]
    assert "the pack may not allow 'curl'" in errors(loaded)[0]


def test_manifest_that_cannot_be_used_is_named_with_its_line(project):
    cases = {
        EXPORTS + "[runtme]\n": ":6:2: unknown top-level key 'runtme'; did you mean 'runtime'?",
        '[workflows]\nexports = ["c/flow"]\n': ":5:13: the export 'c/flow' does not begin with the pack's id, 'a.b/'",
        "[workflows\n": ": pack 'a.b': not TOML: ",
    }
    for manifest, message in cases.items():
        pack = project.pack("a.b", {}, manifest=manifest)
        assert any(f"pack.toml{message}" in error for error in errors(project.load(packs=[pack]))), manifest


def test_pack_that_is_gone_is_named(project):
    pack = project.pack("a.b", {})
    (project.root / "packs/a.b/pack.toml").unlink()
    found = errors(project.load(packs=[pack]))
    assert any("pack 'a.b' cannot be read: No such file or directory" in error for error in found)


def test_manifest_cannot_name_files_outside_of_the_pack(project):
    project.write("outside.yaml", "phases: {p: {mode: command, command: {program: x}}}\n")
    pack = project.pack("a.b", {}, manifest='[runtime]\nagent_overlay = "../../outside.yaml"\n')
    loaded = project.load(packs=[pack])
    assert loaded.config.phases == {}
    assert any("which is no file of it" in error for error in errors(loaded))
