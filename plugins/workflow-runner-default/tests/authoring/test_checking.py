"""The wording of what is wrong with a file: place, finding, advice."""

import pytest

WORKFLOW = "workflows:\n  - id: w\n    phases: [impl]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workfows: []\n", "flow.yaml:1:1: unknown top-level key 'workfows'; did you mean 'workflows'?"),
        (
            "pipelines: []\n",
            "flow.yaml:1:1: unknown top-level key 'pipelines'; a list of workflows stands under 'workflows:'",
        ),
        ("- a\n", "flow.yaml:1:1: a file of definitions is a mapping, not a list"),
        (
            "workflows:\n  - id: w\n    phases: [impl]\n    worktre: auto\n",
            "flow.yaml:4:5: unknown workflow key 'worktre'; did you mean 'worktree'?",
        ),
        (
            "workflows:\n  - id: w\n    steps: [impl]\n    phases: [impl]\n",
            "flow.yaml:3:5: unknown workflow key 'steps'; the steps of a workflow stand under 'phases:'",
        ),
        ("workflows:\n  - id: w\n", "flow.yaml:2:5: workflow needs the key 'phases': a list that is not empty"),
        (
            "workflows:\n  - id: w\n    phases: []\n",
            "flow.yaml:3:13: 'phases' takes a list that is not empty, not an empty list",
        ),
        (
            "workflows:\n  w: {phases: [impl]}\n",
            "flow.yaml:2:3: 'workflows' takes a list, not a mapping; write each one as an item: `- id: w`",
        ),
        (
            "phases:\n  - id: p\n",
            "flow.yaml:2:3: 'phases' takes a mapping, not a list; write each one as `id: {...}`",
        ),
        (
            "phases:\n  p:\n    mode: comand\n",
            (
                "flow.yaml:3:11: 'mode' takes 'agent', 'command', 'manual', not the string 'comand'"
                "; did you mean 'command'?"
            ),
        ),
        (
            "phases:\n  p: {mode: command, command: {program: x, timeout_secs: 30s}}\n",
            "flow.yaml:2:58: 'timeout_secs' takes a whole number (at least 0), not the string '30s'",
        ),
        (
            "phases:\n  p: {mode: command, command: {program: x, env: {PORT: 80}}}\n",
            "flow.yaml:2:56: 'PORT' takes a string, not the number 80; put it in quotes: \"80\"",
        ),
        (
            "phases:\n  p: {mode: command, command: {program: x, args: [-n, 5]}}\n",
            "flow.yaml:2:55: 'args' takes a string, not the number 5; put it in quotes: \"5\"",
        ),
        (
            "phases:\n  p: {mode: command, command: {program: x, parse_json_output: yes}}\n",
            "flow.yaml:2:63: 'parse_json_output' takes true or false, not the string 'yes'",
        ),
        (
            "phases:\n  p: {mode: command, command: {program: x, timeout: 5}}\n",
            "flow.yaml:2:44: unknown command key 'timeout'; did you mean 'timeout_secs'?",
        ),
        (
            "phases:\n  p: {mode: agent, agent: coder, decision_contract: {min_confidence: 7}}\n",
            "flow.yaml:2:70: 'min_confidence' takes a number (at least 0, at most 1), not the number 7",
        ),
        (
            "workflows:\n  - id: w\n    phases: [impl]\n    worktree: reqired\n",
            (
                "flow.yaml:4:15: 'worktree' takes 'auto', 'required', 'skip' or true or false or a mapping, "
                "not the string 'reqired'; did you mean 'required'?"
            ),
        ),
        ("tools_allowlist: git\n", "flow.yaml:1:18: 'tools_allowlist' takes a list, not the string 'git'"),
        ("default_workflow_ref: [a]\n", "flow.yaml:1:23: 'default_workflow_ref' takes a string, not a list"),
        (
            "agents:\n  a: {tool: claude, promt: x}\n",
            "flow.yaml:2:21: unknown agent key 'promt'; known: approval_policy, capabilities, ",
        ),
        ("daemon: {pool_sise: 3}\n", "flow.yaml:1:10: unknown daemon key 'pool_sise'; did you mean 'pool_size'?"),
    ],
)
def test_message_names_place_finding_and_remedy(errors_of, text, message):
    (found,) = errors_of(text)
    assert found.startswith(message) if message.endswith(", ") else found == message


def test_all_faults_of_a_definition_are_reported_together(errors_of):
    text = "phases:\n  p:\n    mode: command\n    comand: {}\n    command:\n      args: x\n      cwd_mode: home\n"
    assert errors_of(text) == [
        "flow.yaml:4:5: unknown phase key 'comand'; did you mean 'command'?",
        "flow.yaml:6:7: command needs the key 'program': a string that is not empty",
        "flow.yaml:6:13: 'args' takes a list, not the string 'x'",
        "flow.yaml:7:17: 'cwd_mode' takes 'path', 'project_root', 'task_root', not the string 'home'",
    ]


def test_extension_keys_pass_next_to_any_key(errors_of):
    text = (
        "x-anchors: &w {phases: [impl]}\nworkflows:\n  - id: w\n    x-owner: me\n    <<: *w\n"
        "phases:\n  p: {mode: manual, x-note: 1, manual: {instructions: i, x-y: 2}}\n"
    )
    assert errors_of(text) == []


def test_definition_whose_name_looks_like_an_extension_is_a_definition(load_text):
    text = "phases:\n  x-ray: {mode: manual, manual: {instructions: i}}\nworkflows:\n  - {id: w, phases: [x-ray]}\n"
    assert [entry.phase_id for entry in load_text(text).config.workflows["w"].phases] == ["x-ray"]


def test_key_that_asks_for_what_does_not_happen_is_refused_with_the_reason_where_it_stands(errors_of):
    text = (
        "daemon: {pool_size: 4, auto_merge: true}\nworkspaces: {a: {repos: [{url: u}]}}\n"
        "environment_routing: {default: cloud}\n"
        "workflows:\n  - {id: w, phases: [impl], publication: {a: 1}, workspace: a}\n"
        "  - {id: v, phases: [{impl: {environment: cloud, workspace: a}}]}\n"
    )
    errors = errors_of(text)
    assert [error.partition(" is refused: ")[0] for error in errors if " is refused: " in error] == [
        "flow.yaml:1:10: daemon key 'pool_size'",
        "flow.yaml:1:24: daemon key 'auto_merge'",
        "flow.yaml:2:1: top-level key 'workspaces'",
        "flow.yaml:5:29: workflow key 'publication'",
        "flow.yaml:5:50: workflow key 'workspace'",
        "flow.yaml:6:30: phase entry key 'environment'",
        "flow.yaml:6:50: phase entry key 'workspace'",
    ]
    assert "flow.yaml:3:32: 'default' takes 'local', not the string 'cloud'" in errors
    assert "animus daemon config --pool-size N" in errors[0]


def test_key_that_asks_for_what_happens_anyway_passes(load_text):
    text = (
        "daemon: {auto_merge: false, auto_run_ready: false, auto_prune_worktrees: true, max_task_retries: 0}\n"
        "environment_routing: {default: local, rules: [{environment: local, match: {kind: task}}]}\n"
        "integrations: {git: {provider: github, config: {}}}\n"
        "workflows:\n  - {id: w, phases: [impl], environment: local}\n"
    )
    assert [str(found) for found in load_text(text).diagnostics] == []


def test_duplicate_key_disables_the_definition_it_stands_in(load_text):
    text = "workflows:\n  - id: bad\n    name: a\n    name: b\n    phases: [impl]\n  - {id: good, phases: [impl]}\n"
    loaded = load_text(text)
    assert list(loaded.config.workflows) == ["good"]
    assert loaded.config.disabled == {
        "bad": ".animus/workflows/flow.yaml:4:5: duplicate key 'name'; it stands first at line 3, column 5"
    }


def test_phase_that_stands_twice_in_a_file_cannot_be_used(load_text):
    text = (
        "phases:\n  p: {mode: manual, manual: {instructions: a}}\n  p: {mode: manual, manual: {instructions: b}}\n"
        "workflows:\n  - {id: w, phases: [p]}\n"
    )
    loaded = load_text(text)
    assert "duplicate key 'p'" in loaded.config.disabled["w"]


def test_wrong_workflow_is_disabled_and_the_rest_loads(load_text):
    loaded = load_text("workflows:\n  - {id: bad, phases: [nope]}\n  - {id: good, phases: [impl]}\n")
    assert list(loaded.config.workflows) == ["good"]
    assert "unknown phase 'nope'" in loaded.config.disabled["bad"]
