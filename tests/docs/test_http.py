"""What the page about HTTP shows is what a reader sees."""

import contextlib
import os
import re
import shutil
import signal

import pytest

PAGE = "docs/http.md"


@pytest.fixture
def with_port(shell):
    """The page's port becomes one that the system chooses: the page's own may not be free."""

    def replaced(text: str) -> str:
        log = shell.root / "http.log"
        told = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()) if log.exists() else None
        return text.replace("8080", "0" if told is None else told[1])

    return replaced


@pytest.fixture
def server_ends(shell):
    """The page leaves its server running, as its reader does."""
    yield
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((shell.root / "http.pid").read_text()), signal.SIGTERM)


def test_every_command_of_the_page_says_what_the_page_shows(shell, blocks, commands, missing, with_port, server_ends):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed, and the page's examples use it")
    shell.type("git init --quiet --initial-branch main .")
    for block in blocks(PAGE):
        if "file" in block.notes:
            shell.write(block.notes["file"], block.text)
        if block.language != "console":
            continue
        for shown, expected in commands(block):
            typed = shell.type(with_port(re.sub(r"^(animus http .*&)$", r"\1 echo $! > http.pid", shown)))
            assert typed.code == 0, typed
            lost = missing([with_port(line) for line in expected], typed.output)
            assert lost is None, f"{shown}: the output has no line {lost!r} there:\n{typed.output}"
