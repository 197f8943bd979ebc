"""The page of commands is what the operation table and the command tree say now."""

import importlib.util


def test_the_page_is_what_its_script_would_write(root):
    script = root / "docs" / "generate_commands.py"
    spec = importlib.util.spec_from_file_location("generate_commands", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert text == module.page(), "stale; run: python docs/generate_commands.py"
