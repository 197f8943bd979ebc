"""Animus's own MCP server, which agents may name without a definition: ``animus mcp serve`` of this installation."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["find_program", "primary_server"]

_PROGRAM = "animus"
_STATE_VARIABLE = "ANIMUS_CONFIG_DIR"


def find_program(environ: Mapping[str, str]) -> str | None:
    """The command of this installation: beside the interpreter, else in PATH; None where there is none."""
    beside = Path(sys.executable).with_name(_PROGRAM)
    return str(beside) if beside.is_file() else shutil.which(_PROGRAM, path=environ.get("PATH", ""))


def primary_server(project_root: str, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The server for agents of a project, as it goes over the wire; None where there is none.

    It is ``optional``: an agent that takes no MCP servers at all works without it.
    """
    program = find_program(environ)
    if program is None:
        return None
    state = {_STATE_VARIABLE: environ[_STATE_VARIABLE]} if environ.get(_STATE_VARIABLE) else {}
    return {
        "command": program,
        "args": ["--project-root", project_root, "mcp", "serve"],
        "env": state,
        "optional": True,
    }
