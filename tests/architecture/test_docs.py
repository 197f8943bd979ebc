"""Documentation that lags fails: every path, command and symbol named in it has to exist."""

import importlib
import re
from pathlib import Path

import pytest

from animus_control.operations import OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")]
)
_PATH = re.compile(r"`([A-Za-z0-9_.-]+/[A-Za-z0-9_./-]*)`")
_SYMBOL = re.compile(r"`(animus_[a-z_]+(?:\.[A-Za-z_]+)+)`")
_COMMAND = re.compile(r"\banimus ((?:[a-z][a-z-]+ ?){1,3})")
_TOP = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") or path.name == ".ci"}


def _page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_page_id)
def test_paths_named_in_the_page_exist(page):
    found = set(_PATH.findall(page.read_text(encoding="utf-8"))) - OPERATIONS.keys()  # `schedule/list` is no path
    named = {match for match in found if match.split("/")[0] in _TOP}
    missing = [name for name in sorted(named) if not (ROOT / name).exists() and not (page.parent / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=_page_id)
def test_symbols_named_in_the_page_exist(page):
    for name in sorted(set(_SYMBOL.findall(page.read_text(encoding="utf-8")))):
        module, _, attribute = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), attribute), name


@pytest.mark.parametrize("page", PAGES, ids=_page_id)
def test_commands_named_in_the_page_exist(page):
    from animus_cli.entry import command_tree
    from animus_cli.extension import extension_names

    known = command_tree() | {(name,) for name in extension_names()}
    code = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")) + [
        line.removeprefix("$ ")
        for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
    ]
    unknown = []
    for text in code:
        for match in _COMMAND.findall(text if text.lstrip().startswith(("animus ", "uv run animus ")) else ""):
            words = match.split()
            if not any(tuple(words[:length]) in known for length in range(1, len(words) + 1)):
                unknown.append(match)
    assert not unknown
