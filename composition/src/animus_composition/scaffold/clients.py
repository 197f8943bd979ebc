"""Animus among the tools of agents that people start in the project: the entry in its ``.mcp.json``."""

import json
from pathlib import Path
from typing import Any, cast

from animus_composition.scaffold.files import PlannedFile, target_of
from animus_control.errors import ControlError

__all__ = ["CLIENTS_PATH", "name_in_clients"]

CLIENTS_PATH = ".mcp.json"
_SERVERS = "mcpServers"
_NAME = "animus"
_ENTRY = {"command": "animus", "args": ["mcp", "serve"]}


def name_in_clients(root: Path) -> PlannedFile:
    """What becomes of the file: other servers stay, and an entry of ours that somebody wrote stays as it is.

    Raises:
        ControlError: ``invalid_request`` when what is there is no such file, or lies outside the project.
    """
    path = root / CLIENTS_PATH
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _unusable(path, error) from error
        return PlannedFile(CLIENTS_PATH, "write", "", _text({_SERVERS: {_NAME: _ENTRY}}))
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error) from error
    try:
        whole: Any = json.loads(text)
        servers: Any = whole.setdefault(_SERVERS, {})
        is_named = _NAME in servers
        if not is_named:
            servers[_NAME] = _ENTRY
    except (ValueError, TypeError, AttributeError) as error:
        raise _unusable(path, error) from error
    if is_named:
        return PlannedFile(CLIENTS_PATH, "keep", "it names animus", text)
    target_of(root, CLIENTS_PATH)
    return PlannedFile(CLIENTS_PATH, "rewrite", "other servers stay", _text(cast("dict[str, Any]", whole)))


def _text(whole: dict[str, Any]) -> str:
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _unusable(path: Path, error: Exception) -> ControlError:
    return ControlError("invalid_request", f"{path} cannot be added to: {error}; repair it, or set up without 'mcp'")
