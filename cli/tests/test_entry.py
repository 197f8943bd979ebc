import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from animus_cli import __version__
from animus_cli.entry import command_tree

HEAVY = ("asyncio", "click", "msgspec", "animus_kernel", "animus_plugin_protocol", "json", "subprocess", "logging")
MIDDLE = (
    "asyncio",
    "importlib.metadata",
    "animus_kernel.serving.session",
    "animus_kernel.serving.daemon",
    "tomlkit",
    "portalocker",
)


def loaded_after(words: list[str]) -> set[str]:
    program = (
        "import sys; from animus_cli.entry import main\n"
        f"code = main({words!r})\n"
        "sys.stderr.write('\\n'.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.splitlines())


@pytest.mark.parametrize("words", [["version"], ["--version"], ["version", "--json"], ["--json", "version"]])
def test_version_is_answered_without_loading_anything(words):
    assert loaded_after(words).isdisjoint(HEAVY)


@pytest.mark.parametrize("words", [["--help"], ["queue", "list", "--help"], ["demo", "--help"]])
def test_help_loads_neither_asyncio_nor_the_daemon(words):
    assert loaded_after(words).isdisjoint(MIDDLE)


def test_version_names_the_version_of_the_package(animus):
    pyproject = Path(__file__).parent.parent / "pyproject.toml"
    assert tomllib.loads(pyproject.read_text())["project"]["version"] == __version__
    assert animus("version").out == f"animus {__version__}\n"
    assert animus("version", "--json").data == {"name": "animus", "version": __version__}


def test_version_takes_global_flags_and_help_too(animus, project):
    assert animus("--project-root", str(project), "version").out == f"animus {__version__}\n"
    assert "Print the version" in animus("version", "--help").out


def test_command_tree_names_generated_and_written_commands():
    tree = command_tree()
    assert {("queue", "list"), ("demo",), ("workflow", "phase", "approve"), ("daemon", "start")} <= tree
    assert () not in tree
