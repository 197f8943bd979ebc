"""Programs that ``tools_allowlist`` lacks are said where they stand."""

FLOW = """phases:
  p: {mode: command, command: {program: /usr/bin/make}, evals: {checks: [{id: c, kind: command, command: lint}]}}
workflows: [{id: w, phases: [p]}]
"""


def test_program_that_is_not_allowed_is_said_at_load(load_text):
    loaded = load_text(f"tools_allowlist: [sh]\n{FLOW}", with_phases=False)
    found = [(item.severity, item.position.line, item.position.column) for item in loaded.diagnostics]
    assert found == [("warning", 3, 41), ("warning", 3, 106)]
    assert "'tools_allowlist' does not have '/usr/bin/make'" in loaded.diagnostics[0].message
    assert "w" in loaded.config.workflows


def test_program_is_allowed_by_its_name(load_text):
    assert load_text(f"tools_allowlist: [Make, lint]\n{FLOW}", with_phases=False).diagnostics == []


def test_without_a_list_what_the_files_name_is_allowed(load_text):
    assert load_text(FLOW, with_phases=False).diagnostics == []
