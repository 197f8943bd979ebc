FLOW = """
tools_allowlist: [make]
daemon: {active_hours: "22:00-06:00"}
phase_catalog:
  build: {label: Build it, description: Makes everything., category: checks, icon: hammer, visible: false,
          docs_url: 'https://x', tags: [fast]}
workflows:
  - id: w
    description: All of it.
    budget: {max_tokens: 9}
    phases:
      - build: {skip_if: ["priority == 'low'"], max_rework_attempts: 2}
      - look: {on_verdict: {rework: {target: build, guard: rework_budget_available}, done: {target: _end}}}
  - {id: broken, phases: [nowhere]}
phases:
  build: {mode: command, capabilities: {is_testing: true}, command: {program: make, args: [all]}}
  look: {mode: manual, manual: {instructions: Look at it.}}
"""


def test_definitions_show_phases_as_their_catalog_says(host, define):
    define(FLOW)
    told = host.call("workflow/inspect", {"what": "definitions"})["value"]
    build = told["workflows"][0]["phases"][0]
    assert build == {
        "path": "build",
        "phase_id": "build",
        "mode": "command",
        "name": "Build it",
        "description": "Makes everything.",
        "capabilities": ["is_testing"],
        "category": "checks",
        "icon": "hammer",
        "docs_url": "https://x",
        "tags": ["fast"],
        "hidden": True,
    }
    assert "unknown phase 'nowhere'" in told["disabled"]["broken"]


def test_catalog_entry_of_no_phase_is_a_warning(host, define):
    define(FLOW.replace("  build: {label", "  biuld: {label"))
    found = host.call("config/validate", {"project_root": str(host.project)})["diagnostics"]
    message = "'phase_catalog' describes 'biuld', which is no phase; did you mean 'build'?"
    assert (found[0]["severity"], found[0]["line"], found[0]["message"]) == ("warning", 5, message)


def test_explanation_says_what_every_place_does_and_where_it_leads(host, define):
    define(FLOW)
    told = host.call("workflow/inspect", {"what": "explain", "workflow_id": "W"})["value"]
    build, look = told["places"]
    assert told["budget"] == {"max_tokens": 9}
    assert (build["runs"], build["rework_budget"], build["next"]) == ("make all", 2, "look")
    assert build["skip_if"] == ["priority == 'low'"]
    assert look["runs"] == "waits for a person: Look at it."
    assert look["next"] == "the end"
    assert [(route["verdict"], route["target"]) for route in look["routes"]] == [("rework", "build"), ("done", "_end")]
    assert look["routes"][0]["when"] == "rework_budget_available == 'true'"


def test_compiled_configuration_comes_with_the_digest_runs_are_pinned_to(host, define):
    define(FLOW)
    told = host.call("workflow/inspect", {"what": "compile"})["value"]
    host.execute("w", workflow_id="c1", subject={"metadata": {"attributes": {"priority": "low"}}})
    blob = host.call("journal/load", {"workflow_id": "c1"})["run"]["blob"]
    assert blob["config_hash"] == told["config_hash"]
    assert list(told["config"]["workflows"]) == ["w"]


def test_schema_for_editors_is_one_of_the_answers(host):
    schema = host.call("workflow/inspect", {"what": "schema"})["value"]["schema"]
    assert schema["title"] == "Animus workflow file"
