"""Files, layers and what replaces what."""

from animus_workflow_runner_default.authoring.document import MAX_FILE_BYTES
from animus_workflow_runner_default.authoring.interpolation import resolve_environment
from animus_workflow_runner_default.authoring.model import secret_variables

PHASE = "phases:\n  p: {mode: command, command: {program: %s}}\n"
FLOW = "workflows:\n  - {id: %s, name: %s, phases: [p]}\n"


def errors(loaded):
    return [f"{item.position}: {item.message}" for item in loaded.diagnostics if item.severity == "error"]


def program_of(loaded, phase="p"):
    command = loaded.config.phases[phase].command
    return command.program if command else None


def test_files_are_read_in_order_and_the_last_definition_wins(project):
    project.write(".animus/workflows.yaml", PHASE % "one")
    project.write(".animus/workflows/b.yml", PHASE % "three")
    project.write(".animus/workflows/a.yaml", PHASE % "two")
    project.write(".animus/workflows/ignored.txt", "not: [yaml")
    loaded = project.load()
    assert errors(loaded) == []
    assert program_of(loaded) == "three"


def test_workflow_of_another_case_replaces_the_whole_definition(project):
    project.write(
        ".animus/workflows/a.yaml",
        PHASE % "x" + "tools_allowlist: [git, x]\nworkflows:\n"
        "  - {id: Flow, name: first, description: d, phases: [p, p]}\n",
    )
    project.write(".animus/workflows/b.yaml", "tools_allowlist: [x, make]\n" + FLOW % ("FLOW", "second"))
    config = project.load().config
    assert list(config.workflows) == ["flow"]
    assert config.workflows["flow"].name == "second"
    assert config.workflows["flow"].description is None
    assert len(config.workflows["flow"].phases) == 1
    assert config.tools_allowlist == ["git", "x", "make"]


def test_missing_allowlist_is_none_and_an_empty_one_is_empty(project):
    project.write(".animus/workflows.yaml", PHASE % "x")
    assert project.load().config.tools_allowlist is None
    project.write(".animus/workflows.yaml", PHASE % "x" + "tools_allowlist: []\n")
    assert project.load().config.tools_allowlist == []


def test_agents_are_laid_over_each_other_field_by_field(project):
    project.write(
        ".animus/workflows/a.yaml", "agents:\n  a: {tool: claude, model: m1, system_prompt: s, skills: [x]}\n"
    )
    project.write(".animus/workflows/b.yaml", "agents:\n  a: {model: m2, skills: []}\n")
    agent = project.load().config.agents["a"]
    assert (agent.runtime.tool, agent.runtime.model, agent.system_prompt, agent.skills) == ("claude", "m2", "s", [])


def test_prompt_file_is_read_relative_to_the_file_that_names_it(project):
    project.write(".animus/workflows/a.yaml", "agents:\n  a: {tool: t, system_prompt_file: ../prompts/a.md}\n")
    project.write(".animus/prompts/a.md", "Be careful: ${X}.\n")
    loaded = project.load()
    assert errors(loaded) == []
    assert loaded.config.agents["a"].system_prompt == "Be careful: ${X}.\n"
    assert loaded.depends_on_surroundings


def test_prompt_of_a_later_layer_replaces_the_file_of_an_earlier_one(project):
    project.write(".animus/workflows/a.yaml", "agents:\n  a: {tool: t, system_prompt_file: a.md}\n")
    project.write(".animus/workflows/a.md", "from the file")
    project.write(".animus/workflows/b.yaml", "agents:\n  a: {system_prompt: written}\n")
    assert project.load().config.agents["a"].system_prompt == "written"


def test_prompt_file_that_cannot_be_used_is_named(project):
    text = "agents:\n  a: {tool: t, system_prompt_file: %s}\n"
    for name, reason in (("none.md", "No such file or directory"), ("../../../x", "it lies outside of")):
        project.write(".animus/workflows/a.yaml", text % name)
        (error,) = errors(project.load())
        assert error.startswith(f".animus/workflows/a.yaml:2:36: the file {name!r} cannot be used: {reason}")
    project.write(".animus/workflows/a.yaml", "agents:\n  a: {tool: t, system_prompt: x, system_prompt_file: y}\n")
    assert "exclude each other" in errors(project.load())[0]


def test_syntax_error_disables_what_the_file_may_change(project):
    project.write(".animus/workflows/a.yaml", PHASE % "x" + FLOW % ("w", "n"))
    project.write(".animus/workflows/b.yaml", "workflows: [\n")
    loaded = project.load()
    assert loaded.config.workflows == {}
    assert loaded.config.disabled["w"].startswith(
        "a file that may change it cannot be read: .animus/workflows/b.yaml:2:1: not YAML"
    )
    assert [error.split(": ")[0] for error in errors(loaded)] == [".animus/workflows/b.yaml:2:1"]


def test_file_that_is_not_text_names_the_place(project):
    project.write(".animus/workflows.yaml", "a: 1\n")
    (project.root / ".animus/workflows.yaml").write_bytes(b"a: 1\nb: \xff\n")
    assert errors(project.load()) == [".animus/workflows.yaml:2:4: not UTF-8 text; save the file as UTF-8"]


def test_file_with_a_byte_order_mark_is_read(project):
    project.write(".animus/workflows.yaml", "\ufeff" + PHASE % "x")
    assert program_of(project.load()) == "x"


def test_file_beyond_the_bound_is_refused(project):
    project.write(".animus/workflows.yaml", "#" * (MAX_FILE_BYTES + 1))
    assert "split the file" in errors(project.load())[0]


def test_project_without_definitions_is_told_what_to_do(project):
    assert errors(project.load()) == [
        (
            ".animus/workflows.yaml: no definitions of workflows: neither this file nor .animus/workflows/ nor a pack; "
            "run `animus init`"
        )
    ]


def test_json_definitions_of_old_are_refused(project):
    project.write(".animus/workflow-config.v2.json", "{}")
    project.write(".animus/workflows.yaml", PHASE % "x")
    assert "JSON definitions are not read" in errors(project.load())[0]


def test_load_time_reference_becomes_the_value_with_its_type(project):
    text = (
        "phases:\n  p:\n    mode: command\n    command:\n      program: ${TOOL}\n      timeout_secs: ${LIMIT:-30}\n"
        "      category: '${LIMIT:-30}'\n"
    )
    project.write(".animus/workflows.yaml", text)
    loaded = project.load(environ={"TOOL": "make"})
    assert errors(loaded) == []
    command = loaded.config.phases["p"].command
    assert (command.program, command.timeout_secs, command.category) == ("make", 30, "30")
    assert loaded.depends_on_surroundings


def test_reference_never_changes_the_structure(project):
    project.write(".animus/workflows.yaml", "phases:\n  p: {mode: command, command: {program: '${P}'}}\n")
    loaded = project.load(environ={"P": "x, timeout_secs: 5}\n  q: {"})
    assert list(loaded.config.phases) == ["p"]
    assert program_of(loaded) == "x, timeout_secs: 5}\n  q: {"


def test_unset_variable_of_a_load_time_value_is_an_error_with_its_place(project):
    project.write(".animus/workflows.yaml", "# ${IGNORED}\nphases:\n  p: {mode: command, command: {program: '${P}'}}\n")
    (error,) = errors(project.load())
    assert error.startswith(
        ".animus/workflows.yaml:3:41: the environment variable 'P' is not set for the workflow runner"
    )


def test_texts_for_use_keep_their_references(project):
    text = """\
agents: {a: {tool: t, system_prompt: "${A}"}}
tools: {t: {executable: x, base_args: ["${A}"], env: {K: "${A}"}}}
mcp_servers: {m: {command: npx, args: ["${A}"], env: {TOKEN: "${A}"}}}
phases:
  c: {mode: command, command: {program: x, args: ["${A}", "$$"], env: {K: "${A}"}, cwd_mode: path, cwd_path: "${A}"}}
  g: {mode: manual, manual: {instructions: "${A}"}}
  d: {mode: agent, agent: a, directive: "${A}", system_prompt: "${A}"}
"""
    project.write(".animus/workflows.yaml", text)
    loaded = project.load()
    assert errors(loaded) == []
    config = loaded.config
    assert config.agents["a"].system_prompt == "${A}"
    assert (config.tools["t"].base_args, config.tools["t"].env) == (["${A}"], {"K": "${A}"})
    assert config.mcp_servers["m"].env == {"TOKEN": "${A}"}
    command = config.phases["c"].command
    assert (command.args, command.env, command.cwd_path) == (["${A}", "$$"], {"K": "${A}"}, "${A}")
    assert config.phases["g"].manual.instructions == "${A}"
    assert (config.phases["d"].directive, config.phases["d"].system_prompt) == ("${A}", "${A}")
    assert not loaded.depends_on_surroundings


def test_malformed_reference_is_found_at_load_even_in_texts_for_use(project):
    project.write(".animus/workflows.yaml", "phases:\n  p: {mode: command, command: {program: x, args: ['${A%.*}']}}\n")
    (error,) = errors(project.load())
    assert error.startswith(".animus/workflows.yaml:2:51: '${A%.*}' is no reference to an environment variable")


def test_equal_definitions_have_equal_tokens(project):
    project.write(".animus/workflows.yaml", PHASE % "x" + FLOW % ("w", "n"))
    first = project.load().version_token
    project.write(".animus/workflows.yaml", "# moved\n\n" + FLOW % ("w", "n") + PHASE % "x")
    assert project.load().version_token == first
    project.write(".animus/workflows.yaml", PHASE % "y" + FLOW % ("w", "n"))
    assert project.load().version_token != first


def test_id_may_come_from_the_environment(project):
    project.write(".animus/workflows.yaml", PHASE % "x" + "workflows: [{id: '${NAME:-Own}', phases: [p]}]\n")
    assert list(project.load().config.workflows) == ["own"]
    assert list(project.load(environ={"NAME": "Mine"}).config.workflows) == ["mine"]


def test_secret_that_nobody_declares_is_an_error_where_it_is_named(project):
    project.write(".animus/workflows/a.yaml", FLOW % ("w", "n") + "secrets: {TOKEN: {env: GH_TOKEN}}\n")
    command = "{program: x, args: ['$${secret.NO} ${secret.TOKEN}', '${secret.TOKN}']}"
    project.write(".animus/workflows/b.yaml", f"phases:\n  p: {{mode: command, command: {command}}}\n")
    found = errors(project.load())
    assert ".animus/workflows/b.yaml:2:84: there is no secret 'TOKN'; did you mean 'TOKEN'?" in found
    assert len([text for text in found if "there is no secret" in text and "has a fault" not in text]) == 1


def test_secret_names_the_variable_that_is_read_at_use(project):
    phase = "{mode: command, command: {program: x, args: ['${secret.TOKEN}']}}"
    text = f"secrets: {{TOKEN: {{env: GH_TOKEN, description: d}}}}\nphases:\n  p: {phase}\n"
    project.write(".animus/workflows.yaml", text)
    loaded = project.load(environ={"GH_TOKEN": "s3"})
    assert errors(loaded) == []
    assert "s3" not in repr(loaded.config)
    args = loaded.config.phases["p"].command.args
    assert resolve_environment(args[0], {"GH_TOKEN": "s3"}, secret_variables(loaded.config)) == "s3"
