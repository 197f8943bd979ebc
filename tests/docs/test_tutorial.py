"""What a reader types works, and says what the page says it says."""

import re

STAND_IN = """\
import pathlib

pathlib.Path("greet.py").write_text('def greet(name):\\n    return f"Hello, {name}!"\\n')
"""
TEST = """\
import unittest

from greet import greet


class Greeting(unittest.TestCase):
    def test_somebody_is_greeted(self):
        self.assertTrue(greet("Ada").startswith("Hello"))
"""


def test_every_command_of_the_first_workflow_does_what_the_page_shows(shell, blocks, commands, missing):
    for block in blocks("docs/first-workflow.md"):
        if "file" in block.notes:
            shell.write(block.notes["file"], block.text)
        if block.language != "console":
            continue
        for command, expected in commands(block):
            typed = shell.type(command)
            assert typed.code == int(block.notes.get("exit", "0")), typed
            lost = missing(expected, typed.output)
            assert lost is None, f"{command}: the output has no line {lost!r} there:\n{typed.output}"


def test_every_command_under_use_it_in_the_readme_works(shell, blocks, commands, page_text):
    """In a repository whose tests pass; between the two blocks the reader names the agent."""
    text = page_text("README.md")
    first, last = (text.count("\n", 0, text.index(heading)) for heading in ("## Use it", "## Where to read on"))
    used = [block for block in blocks("README.md") if first < block.line <= last and block.language == "console"]
    assert used
    shell.write("greet.py", 'def greet(name):\n    return "Hello"\n')
    shell.write("test_greet.py", TEST)
    shell.write(".gitignore", "__pycache__/\n")
    for command in ("git init --quiet --initial-branch main .", "git add --all", "git commit --quiet -m Start"):
        assert shell.type(command).code == 0
    for number, block in enumerate(used):
        if number == 1:
            shell.write(".animus/agents/agent.py", STAND_IN)
        for command, _ in commands(block):
            typed = shell.type(re.sub(r"\s+# .*$", "", command))
            assert typed.code == 0, typed
    assert "Hello, {name}!" in (shell.root / "greet.py").read_text(encoding="utf-8")
