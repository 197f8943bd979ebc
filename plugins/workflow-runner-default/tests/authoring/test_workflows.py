import pytest

from animus_workflow_runner_default.authoring.model import (
    END_TARGET,
    Guard,
    Merge,
    PostSuccess,
    Variable,
    Workflow,
    Worktree,
    find_workflow,
)


def workflow_of(load_text, text, key="w") -> Workflow:
    loaded = load_text(text)
    assert [str(item) for item in loaded.diagnostics if item.severity == "error"] == []
    return loaded.config.workflows[key]


def test_entry_is_a_phase_id_or_a_phase_id_with_options(load_text):
    text = """\
workflows:
  - id: w
    name: Work
    description: d
    variables: [{name: branch, required: true}, {name: base, default: main, description: x}]
    worktree: {mode: required, cleanup: false, base_ref: dev}
    post_success: {merge: {strategy: merge, target_branch: dev, cleanup_worktree: false}}
    phases:
      - impl
      - test:
          max_rework_attempts: 2
          skip_if: ["priority == 'low'", "attributes.area != ui"]
          on_verdict:
            Rework: {target: impl, guard: rework_budget_available}
            advance: {target: _end, allow_agent_target: true, allowed_targets: [review, _end]}
            degraded: {target: review}
      - review:
"""
    workflow = workflow_of(load_text, text)
    assert [entry.path for entry in workflow.phases] == ["impl", "test", "review"]
    entry = workflow.phases[1]
    assert entry.max_rework_attempts == 2
    assert entry.skip_if == [
        Guard(field="priority", operator="==", value="low"),
        Guard(field="area", operator="!=", value="ui"),
    ]
    assert entry.on_verdict["rework"].target == "impl"
    assert entry.on_verdict["rework"].guard == Guard(field="rework_budget_available", operator="==", value="true")
    assert entry.on_verdict["advance"].target == END_TARGET
    assert entry.on_verdict["advance"].allowed_targets == ["review", END_TARGET]
    assert entry.on_verdict["degraded"].target == "review"
    assert workflow.variables == [
        Variable(name="branch", required=True),
        Variable(name="base", default="main", description="x"),
    ]
    assert workflow.worktree == Worktree(mode="required", cleanup=False, base_ref="dev")
    assert workflow.post_success == PostSuccess(merge=Merge(target_branch="dev", cleanup_worktree=False))
    assert workflow.source == ".animus/workflows/flow.yaml:2"


@pytest.mark.parametrize(
    ("written", "worktree"),
    [("true", Worktree()), ("false", Worktree(mode="skip")), ("auto", Worktree()), ("skip", Worktree(mode="skip"))],
)
def test_worktree_may_be_a_word_or_a_boolean(load_text, written, worktree):
    text = f"workflows:\n  - {{id: w, phases: [impl], worktree: {written}}}\n"
    assert workflow_of(load_text, text).worktree == worktree


def test_workflow_is_found_in_any_case_or_by_default(load_text):
    text = "default_workflow_ref: STD\nworkflows:\n  - {id: Std, phases: [impl]}\n"
    config = load_text(text).config
    for ref in ("std", "STD", " Std ", None):
        found = find_workflow(config, ref)
        assert found is not None
        assert found.id == "Std"
    assert find_workflow(config, "other") is None


def test_nested_workflow_is_expanded_in_place(load_text):
    text = """\
workflows:
  - id: outer
    phases: [impl, {workflow_ref: INNER}, gate]
  - id: inner
    phases: [test, review]
"""
    workflow = workflow_of(load_text, text, "outer")
    assert [(entry.path, entry.phase_id) for entry in workflow.phases] == [
        ("impl", "impl"),
        ("inner/test", "test"),
        ("inner/review", "review"),
        ("gate", "gate"),
    ]


def test_target_is_looked_up_in_its_own_workflow_first_then_around(load_text):
    text = """\
workflows:
  - id: outer
    phases:
      - impl
      - test
      - workflow_ref: inner
      - gate:
          on_verdict: {rework: {target: inner/test}, fail: {target: test}}
  - id: inner
    phases:
      - test
      - review:
          on_verdict: {rework: {target: test}}
"""
    phases = {entry.path: entry for entry in workflow_of(load_text, text, "outer").phases}
    assert phases["inner/review"].on_verdict["rework"].target == "inner/test"
    assert phases["gate"].on_verdict["rework"].target == "inner/test"
    assert phases["gate"].on_verdict["fail"].target == "test"


def test_nested_target_may_lie_outside_and_then_stops_only_the_inner_workflow(load_text):
    text = """\
workflows:
  - {id: outer, phases: [impl, {workflow_ref: inner}]}
  - id: inner
    phases: [{review: {on_verdict: {rework: {target: impl}}}}]
"""
    loaded = load_text(text)
    assert loaded.config.workflows["outer"].phases[1].on_verdict["rework"].target == "impl"
    assert list(loaded.config.disabled) == ["inner"]


def test_place_that_comes_twice_has_a_path_of_its_own(load_text):
    text = """\
workflows:
  - {id: w, phases: [impl, test, impl, {workflow_ref: in}, {workflow_ref: in}]}
  - {id: in, phases: [review]}
"""
    paths = [entry.path for entry in workflow_of(load_text, text).phases]
    assert paths == ["impl", "test", "impl#2", "in/review", "in#2/review"]


def test_target_that_stands_for_several_places_is_refused(errors_of):
    text = """\
workflows:
  - id: w
    phases: [{workflow_ref: in}, {workflow_ref: in}, {impl: {on_verdict: {rework: {target: test}}}}]
  - {id: in, phases: [test]}
"""
    assert errors_of(text) == [
        "flow.yaml:3:92: the target 'test' stands for several places; name one of: in/test, in#2/test"
    ]


def test_target_that_is_the_path_of_the_first_of_several_places_is_clear(load_text):
    text = "workflows:\n  - id: w\n    phases: [impl, {test: {on_verdict: {rework: {target: impl}}}}, impl]\n"
    assert workflow_of(load_text, text).phases[1].on_verdict["rework"].target == "impl"


def test_cycle_of_workflows_is_named(errors_of):
    text = """\
workflows:
  - {id: A, phases: [impl, {workflow_ref: b}]}
  - {id: b, phases: [{workflow_ref: a}]}
"""
    assert errors_of(text) == [
        "flow.yaml:2:28: the workflow contains itself: A -> b -> A",
        "flow.yaml:3:22: the workflow contains itself: b -> A -> b",
    ]


def test_nesting_that_multiplies_is_bounded(errors_of):
    lines = ["  - {id: w0, phases: [impl, impl, impl, impl]}"]
    lines += [f"  - {{id: w{n}, phases: [{', '.join([f'{{workflow_ref: w{n - 1}}}'] * 8)}]}}" for n in range(1, 6)]
    errors = errors_of("workflows:\n" + "\n".join(lines) + "\n")
    assert errors
    assert all("more than 1000 phases after expansion" in error for error in errors)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("imp", "5:9: unknown phase 'imp'; did you mean 'impl'?"),
        ("5", "5:9: a phase entry is a phase id or `phase-id: {options}`, not the number 5"),
        ("''", "5:9: a phase entry is empty"),
        (
            "id: impl",
            "5:9: a phase entry is named by its key: write `- impl` or `- impl: {options}`, not `- id:`",
        ),
        (
            "{id: impl, max_rework_attempts: 2}",
            (
                "5:9: a phase entry has exactly one key, the phase id: "
                "write `- impl:` with 'max_rework_attempts' indented below it"
            ),
        ),
        ("impl: {max_rework: 2}", "5:16: unknown phase entry key 'max_rework'; did you mean 'max_rework_attempts'?"),
        (
            "impl: {max_rework_attempts: 0}",
            "5:37: 'max_rework_attempts' takes a whole number (at least 1), not the number 0",
        ),
        ("impl: {skip_if: [\"task.type == 'docs'\"]}", "5:26: unknown field 'task.type'; did you mean 'task_type'?"),
        (
            "impl: {skip_if: [low]}",
            "5:26: 'low' is no comparison; write it like \"priority == 'low'\" or \"task_type != 'docs'\"",
        ),
        ("impl: {on_verdict: {rework: {target: tset}}}", "5:46: unknown target 'tset'; did you mean 'test'?"),
        (
            "impl: {on_verdict: {fail: {target: ''}}}",
            "5:44: 'target' takes a string that is not empty, not the string ''",
        ),
        ("impl: {on_verdict: {fail: {}}}", "5:35: the route of 'fail' needs a 'target'; '_end' completes the run"),
        (
            "impl: {on_verdict: {rework: {target: test, guard: x}}}",
            "5:59: 'x' is no comparison; write it like \"priority == 'low'\" or \"task_type != 'docs'\"",
        ),
        (
            "impl: {on_verdict: {rework: {allow_agent_target: true, allowed_targets: [tst]}}}",
            "5:82: unknown target 'tst'; did you mean 'test'?",
        ),
        ("workflow_ref: x", "5:9: unknown workflow 'x'; known: w"),
        ("{workflow_ref: other, skip_if: []}", "5:31: unknown workflow_ref entry key 'skip_if'; known: workflow_ref"),
    ],
)
def test_phase_entry_that_makes_no_sense_is_refused(errors_of, entry, message):
    text = f"workflows:\n  - id: w\n    phases:\n      - test\n      - {entry}\n"
    assert f"flow.yaml:{message}" in errors_of(text)


ROUTED = """\
workflows:
  - {id: whole, phases: [impl, judge]}
  - {id: other, phases: [impl, gate, judge: {on_verdict: {rework: {target: gate}}}]}
  - {id: alone, phases: [judge]}
phases:
  judge:
    mode: agent
    agent: coder
    on_verdict:
      rework: {target: impl, guard: rework_budget_available}
      Done: {target: _end}
"""


def test_routes_of_a_phase_are_those_of_its_entries_that_say_nothing(load_text, warnings_of):
    workflows = load_text(ROUTED).config.workflows
    judge = workflows["whole"].phases[1].on_verdict
    assert (judge["rework"].target, judge["rework"].guard is None, judge["done"].target) == ("impl", False, "_end")
    own = workflows["other"].phases[2].on_verdict
    assert (own["rework"].target, own["done"].target) == ("gate", "_end")
    assert list(workflows["alone"].phases[0].on_verdict) == ["done"]
    message = "which is not one place of this workflow; it takes its usual way"
    assert f"flow.yaml:4:26: 'rework' leads from the phase 'judge' to 'impl', {message}" in warnings_of(ROUTED)


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ("{}", "the route of 'rework' needs a 'target'; '_end' completes the run"),
        ("{target: impl, guard: often}", "'often' is no comparison"),
        ("{target: impl, to: x}", "unknown route key 'to'"),
    ],
)
def test_route_of_a_phase_that_makes_no_sense_is_refused(errors_of, route, message):
    text = f"phases:\n  judge: {{mode: agent, agent: coder, on_verdict: {{rework: {route}}}}}\n"
    assert any(message in found for found in errors_of(text)), errors_of(text)


def test_route_that_no_answer_to_a_gate_takes_is_a_warning(warnings_of):
    text = "workflows:\n  - {id: w, phases: [impl, gate: {on_verdict: {%s}}]}\n"
    said = "has no effect: a gate is approved ('advance') or rejected ('fail')"
    both = "fail: {target: impl}, rework: {target: impl}"
    for routes, unused in (("skip: {target: _end}", "skip"), (both, "rework")):
        assert f"flow.yaml:2:34: the route of {unused!r} {said}" in warnings_of(text % routes)
    assert warnings_of(text % "advance: {target: _end}, rework: {target: impl}") == []


def test_custom_verdict_that_looks_like_a_slip_is_a_warning(warnings_of):
    routes = "{reworks: {target: impl}, healthy: {target: _end}}"
    text = f"workflows:\n  - id: w\n    phases: [impl, {{test: {{on_verdict: {routes}}}}}]\n"
    assert warnings_of(text) == [
        "flow.yaml:3:41: 'reworks' is taken as a custom verdict; did you mean 'rework'?",
    ]


def test_exit_code_verdict_needs_a_route_unless_it_is_one_of_the_four(errors_of):
    text = """\
phases:
  p: {mode: command, command: {program: x, on_success_verdict: healthy}}
workflows:
  - {id: good, phases: [{p: {on_verdict: {healthy: {target: _end}}}}]}
  - {id: bad, phases: [p]}
"""
    assert errors_of(text) == [
        (
            "flow.yaml:5:24: 'on_success_verdict' of the phase 'p' is 'healthy', which has no route here"
            "; known: advance, fail, rework, skip"
        )
    ]


def test_strategy_of_a_merge_is_one_of_three(errors_of):
    text = "workflows:\n  - {id: w, phases: [impl], post_success: {merge: {strategy: octopus}}}\n"
    assert errors_of(text) == ["flow.yaml:2:62: 'strategy' takes 'merge', 'rebase', 'squash', not the string 'octopus'"]


@pytest.mark.parametrize(
    ("merge", "is_wanted"),
    [
        ("{}", True),
        ("{auto_merge: false}", False),
        ("{create_pr: true}", True),
        ("{create_pr: true, auto_merge: false}", True),
    ],
)
def test_merge_without_a_word_merges_here_or_by_a_pull_request(load_text, merge, is_wanted):
    text = f"workflows:\n  - {{id: w, phases: [impl], post_success: {{merge: {merge}}}}}\n"
    post_success = workflow_of(load_text, text).post_success
    assert post_success is not None
    assert post_success.merge.is_wanted is is_wanted


def test_git_integration_gives_the_forge_and_the_branch_that_workflows_do_not_name(load_text):
    text = (
        "integrations: {git: {provider: gitlab, base_branch: trunk}}\n"
        "workflows:\n  - {id: w, phases: [impl], post_success: {merge: {}}}\n"
        "  - {id: v, phases: [impl], worktree: {base_ref: mine}, post_success: {merge: {target_branch: mine}}}\n"
    )
    workflows = load_text(text).config.workflows
    assert [workflow.forge for workflow in workflows.values()] == ["gitlab", "gitlab"]
    assert [workflow.worktree.base_ref for workflow in workflows.values()] == ["trunk", "mine"]
    assert [workflow.post_success.merge.target_branch for workflow in workflows.values()] == ["trunk", "mine"]


@pytest.mark.parametrize(
    ("integration", "message"),
    [
        ("git: {provider: githb}", "1:32: unknown provider 'githb'; did you mean 'github'?"),
        ("gut: {provider: github}", "1:16: unknown integration 'gut'; did you mean 'git'?"),
        (
            "tasks: {provider: jira}",
            (
                "1:34: unknown provider 'jira'; known: animus, builtin, default; "
                "what serves tasks is the subject plugin of the flavor"
            ),
        ),
        (
            "git: {provider: github, config: {a: 1}}",
            "1:40: integration key 'config' is refused: no integration takes settings",
        ),
    ],
)
def test_integration_that_would_do_nothing_is_refused(errors_of, integration, message):
    text = f"integrations: {{{integration}}}\nworkflows:\n  - {{id: w, phases: [impl]}}\n"
    assert errors_of(text) == [f"flow.yaml:{message}"]


@pytest.mark.parametrize("where", ["phases: [impl], budget: {}", "phases: [{impl: {budget: {on_exceed: fail}}}]"])
def test_budget_without_a_limit_is_refused(errors_of, where):
    (error,) = errors_of(f"workflows:\n  - {{id: w, {where}}}\n")
    assert "a budget needs 'max_tokens', 'max_cost_usd' or 'max_duration_secs'" in error


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("{max_tokens: 0}", "'max_tokens' takes a whole number (at least 1), not the number 0"),
        ("{max_cost_usd: 0}", "'max_cost_usd' takes a number"),
        ("{max_cost_usd: 1, on_exceed: stop}", "'on_exceed' takes 'fail', 'pause', 'warn', not the string 'stop'"),
    ],
)
def test_limit_of_a_budget_is_more_than_nothing(errors_of, budget, message):
    (error,) = errors_of(f"workflows:\n  - {{id: w, phases: [impl], budget: {budget}}}\n")
    assert message in error


def test_strategy_that_is_never_used_loads(load_text):
    text = "workflows:\n  - {id: w, phases: [impl], post_success: {merge: {strategy: squash, auto_merge: false}}}\n"
    post_success = workflow_of(load_text, text).post_success
    assert post_success is not None
    assert post_success.merge == Merge(strategy="squash", auto_merge=False)


def test_id_that_is_taken_in_the_same_file_disables_both(load_text):
    loaded = load_text("workflows:\n  - {id: w, phases: [impl]}\n  - {id: W, phases: [test]}\n")
    assert loaded.config.workflows == {}
    assert "the id 'W' is taken; it stands first at line 2" in loaded.config.disabled["w"]


def test_variable_that_stands_twice_is_refused(errors_of):
    text = "workflows:\n  - {id: w, phases: [impl], variables: [{name: a}, {name: a}, {name: 'a b'}]}\n"
    assert errors_of(text) == [
        "flow.yaml:2:59: the variable 'a' stands twice",
        "flow.yaml:2:70: 'a b' is no name; use letters, digits and '_'",
    ]


def test_default_that_names_no_workflow_is_an_error_and_no_default(load_text, errors_of):
    text = "default_workflow_ref: stadard\nworkflows:\n  - {id: standard, phases: [impl]}\n"
    assert errors_of(text) == [
        "flow.yaml:1:23: 'default_workflow_ref' names an unknown workflow 'stadard'; did you mean 'standard'?"
    ]
    assert load_text(text).config.default_workflow_ref is None
