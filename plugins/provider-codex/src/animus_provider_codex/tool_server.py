"""MCP servers as settings of the program. Secrets stay out of the command line, which everybody can read."""

import re
import shlex
from pathlib import Path
from typing import Any, Final

from animus_agent_cli.request import AgentRequest, McpServer, UnsupportedError
from animus_provider_codex.policy import mcp_tools
from animus_provider_codex.setting import setting

__all__ = ["tool_server_args"]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_WITH_ENVIRONMENT: Final = '. "$0" && exec "$@"'


def tool_server_args(request: AgentRequest) -> tuple[list[str], dict[str, str]]:
    """The arguments that set up the servers of `request`, and variables with what they must not show.

    Raises:
        UnsupportedError: a server's name cannot be one here, or the tool policy cannot be enforced on it.
    """
    args: list[str] = []
    variables: dict[str, str] = {}
    for place, (name, server) in enumerate(request.mcp_servers.items()):
        if not _NAME.fullmatch(name):
            raise UnsupportedError(f"MCP server {name!r}: this agent takes letters, digits, '-' and '_' in names only")
        if request.sandbox and server.url is not None:
            raise UnsupportedError(f"MCP server {name!r} is on the network, and sandbox: bubblewrap has none")
        tools = mcp_tools(request.tools, name)
        if tools is None:
            continue
        # Nobody can be asked, and the program would refuse every call that is not approved beforehand.
        settings: dict[str, Any] = {"default_tools_approval_mode": "approve", **tools}
        if server.url is not None:
            names = {header: f"ANIMUS_MCP_{place}_{count}_TOKEN" for count, header in enumerate(server.headers)}
            variables |= {variable: server.headers[header] for header, variable in names.items()}
            settings |= {"url": server.url} | ({"env_http_headers": names} if names else {})
        else:
            settings |= _program(server, request.folder / f"mcp-{place}.env")
        args += setting(f"mcp_servers.{name}", settings)
    return args, variables


def _program(server: McpServer, file: Path) -> dict[str, Any]:
    if not server.env:
        return {"command": server.command, "args": list(server.args)}
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in server.env.items()]
    file.write_text("".join(lines), "utf-8", errors="surrogateescape")
    file.chmod(0o600)
    return {"command": "/bin/sh", "args": ["-c", _WITH_ENVIRONMENT, str(file), str(server.command), *server.args]}
