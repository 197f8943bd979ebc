"""Generated pages are what their scripts would write now."""

import importlib.util

import pytest

from animus_cli.failure import EXIT_CODES, INTERRUPTED

NAMES = ["commands", "control", "crash_matrix", "crash_matrix_runner", "data_layout", "scenarios", "states", "survival"]


@pytest.mark.parametrize("name", [f"generate_{name}" for name in NAMES])
def test_a_page_is_what_its_script_would_write(root, name, monkeypatch):
    monkeypatch.syspath_prepend(root / "docs")  # as python does for a script
    script = root / "docs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert text == module.page(), f"stale; run: python docs/{name}.py"


def test_the_table_of_exit_codes_is_that_of_the_commands(page_text):
    table = page_text("docs/when-something-is-stuck.md").partition("## Exit codes")[2]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| ")][1:]
    written = {int(code): word.strip(" `") for code, word in rows}
    assert written == {0: "", **{code: word for word, code in EXIT_CODES.items()}, INTERRUPTED: ""}
