"""The page of commands is what the operation table and the command tree say now."""

import importlib.util

from animus_cli.failure import EXIT_CODES, INTERRUPTED


def test_the_page_is_what_its_script_would_write(root):
    script = root / "docs" / "generate_commands.py"
    spec = importlib.util.spec_from_file_location("generate_commands", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert text == module.page(), "stale; run: python docs/generate_commands.py"


def test_the_table_of_exit_codes_is_that_of_the_commands(page_text):
    table = page_text("docs/when-something-is-stuck.md").partition("## Exit codes")[2]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| ")][1:]
    written = {int(code): word.strip(" `") for code, word in rows}
    assert written == {0: "", **{code: word for word, code in EXIT_CODES.items()}, INTERRUPTED: ""}
