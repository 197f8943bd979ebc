"""Start-up is a budget: what each entry point may not import before it is asked to do something."""

import subprocess
import sys

import pytest

HEAVY = ("asyncio", "click", "importlib.metadata", "subprocess", "portalocker", "tomlkit", "yaml")


def _imported_by(code: str) -> set[str]:
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import animus_plugin_protocol.plugin", set()),
        ("import animus_queue_default.__main__", set()),
        ("import animus_subject_default.__main__, animus_subject_default.backend", set()),
        ("import animus_provider_command.__main__", {"subprocess"}),
        ("import animus_control.client, animus_control.operations", set()),
        ("import animus_cli.entry", set()),
    ],
)
def test_entry_point_imports_nothing_heavy(code, allowed):
    assert not _imported_by(code) & (set(HEAVY) - allowed)


def test_version_command_imports_neither_click_nor_the_kernel():
    code = "sys.argv = ['animus', 'version']\nimport animus_cli.entry as entry\nentry.main()"
    program = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"asyncio", "click", "msgspec", "animus_kernel", "animus_plugin_protocol"}
