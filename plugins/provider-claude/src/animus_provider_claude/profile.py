"""Settings folders of the program by name: which login, settings and sessions a run uses."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from animus_agent_cli.loose import as_dict
from animus_agent_cli.request import AgentRequest, UnsupportedError

__all__ = ["FOLDER_VARIABLE", "PROFILES_VARIABLE", "profile_environment"]

PROFILES_VARIABLE: Final = "ANIMUS_CLAUDE_PROFILES"
"""Of the daemon: a JSON object of names and folders. A workflow file names a profile, the machine says where it is."""
FOLDER_VARIABLE: Final = "CLAUDE_CONFIG_DIR"


def profile_environment(request: AgentRequest) -> dict[str, str]:
    """What makes the program use the profile that `request` names; nothing where it names none.

    Raises:
        UnsupportedError: there is no such profile here, or the sandbox has a folder of its own.
    """
    name = request.tool_profile
    if name is None:
        return {}
    if request.sandbox:
        raise UnsupportedError("tool_profile: in sandbox: bubblewrap the agent has a folder of its own; leave one out")
    folders = _folders(request.environment)
    folder = folders.get(name)
    if not isinstance(folder, str) or not Path(folder).expanduser().is_dir():
        known = ", ".join(sorted(folders)) or "none"
        raise UnsupportedError(
            f"tool_profile {name!r} stands for no folder on this machine; {PROFILES_VARIABLE} has: {known}. It is a "
            'JSON object such as {"work": "~/.claude-work"}, set where the daemon is started'
        )
    return {FOLDER_VARIABLE: str(Path(folder).expanduser())}


def _folders(environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        return as_dict(json.loads(environment.get(PROFILES_VARIABLE) or "{}"))
    except ValueError as error:
        raise UnsupportedError(f"{PROFILES_VARIABLE} is no JSON object: {error}") from error
