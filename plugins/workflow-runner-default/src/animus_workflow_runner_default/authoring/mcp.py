"""MCP servers: that each definition makes sense, and which agent has which in which phase.

``ao`` and ``animus`` name the primary server, the one of Animus itself. A project may define it; where it does not,
the name stands for that of this installation (see `primary_server`), and it is no error to name it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.mcp_oauth import oauth_faults
from animus_workflow_runner_default.authoring.model import Agent, CompiledConfig, McpServer
from animus_workflow_runner_default.authoring.primary_server import find_program
from animus_workflow_runner_default.json_value import json_array, json_object

__all__ = ["PRIMARY_SERVER_NAMES", "bound_servers", "check_mcp", "defined_servers", "unknown_servers"]

PRIMARY_SERVER_NAMES = ("animus", "ao")
_PRIMARY = PRIMARY_SERVER_NAMES[0]


def bound_servers(
    servers: Mapping[str, McpServer], bindings: Mapping[str, Any], phase_id: str, agent: Agent | None
) -> list[str]:
    """The names of the servers an agent has in a phase: its own, those assigned to it, those of the phase."""
    names: list[str] = []
    if agent is not None:
        names += agent.mcp_servers
        names += [name for name, server in servers.items() if agent.id in server.assign_to]
    binding = json_object(bindings.get(phase_id)) or {}
    names += [str(name) for name in json_array(binding.get("servers")) or []]
    return list(dict.fromkeys(_resolved(name, servers) for name in names))


def defined_servers(config: CompiledConfig, phase_id: str, agent: Agent | None) -> dict[str, McpServer]:
    """The definitions of the servers an agent has in a phase; Animus's own has none unless the project wrote one."""
    names = bound_servers(config.mcp_servers, config.phase_mcp_bindings, phase_id, agent)
    return {name: config.mcp_servers[name] for name in names if name in config.mcp_servers}


def unknown_servers(names: list[str], catalog: Catalog) -> Iterator[tuple[int, str]]:
    """Which of the names stand for no usable server: the index and why."""
    known = catalog.sections["mcp_servers"]
    for index, name in enumerate(names):
        definition = known.get(_resolved(name, known))
        if definition is not None and definition.fault is not None:
            yield index, f"the MCP server {name!r} has a fault: {definition.fault}"
        elif definition is None and name not in PRIMARY_SERVER_NAMES:
            yield index, f"unknown MCP server {name!r}{did_you_mean(name, known) or '; define it under mcp_servers'}"


def check_mcp(catalog: Catalog) -> None:
    """Report what is wrong with servers, with bindings, and with the names agents give."""
    for definition in catalog.sections["mcp_servers"].values():
        if definition.shape is not None:
            _check_server(catalog, definition, definition.shape)
    for phase_id, binding in catalog.sections["phase_mcp_bindings"].items():
        if phase_id not in catalog.sections["phases"]:
            catalog.excuse(binding, f"there is no phase {phase_id!r} to bind MCP servers to")
            continue
        for index, message in unknown_servers(
            [str(name) for name in json_array(binding.value.get("servers")) or []], catalog
        ):
            catalog.blame(binding, message, "servers", index)
    for layers in catalog.agent_layers.values():
        for layer in layers:
            if layer.fault is None:
                _check_agent(catalog, layer)


def _check_server(catalog: Catalog, definition: Definition, server: McpServer) -> None:
    for step, message in _server_faults(server):
        catalog.blame(definition, message, step)
    if server.type is not None and "transport" in definition.value:
        catalog.blame(definition, "'type' is another name of 'transport'; keep one of them", "type", of_key=True)
    for step, message in () if server.oauth is None else oauth_faults(server.oauth):
        catalog.blame(definition, message, "oauth", step)


def _check_agent(catalog: Catalog, agent: Definition) -> None:
    names = [name for name in json_array(agent.value.get("mcp_servers")) or [] if isinstance(name, str)]
    for index, message in unknown_servers(names, catalog):
        catalog.blame(agent, message, "mcp_servers", index)
    known = catalog.sections["mcp_servers"]
    missing = [name for name in names if name in PRIMARY_SERVER_NAMES and _resolved(name, known) not in known]
    if missing and find_program(catalog.environ) is None:
        topic = f"{missing[0]!r} is Animus's own MCP server, and there is no 'animus' here: agents work without it"
        path = (*agent.path, "mcp_servers", names.index(missing[0]))
        catalog.report.take(Finding(path=path, message=topic, severity="warning", topic=topic), agent.document)


def _server_faults(server: McpServer) -> Iterator[tuple[str, str]]:
    if server.is_program:
        if not server.command:
            yield _said(server), "an MCP server of transport 'stdio' needs 'command'"
        if server.url is not None:
            yield "url", "'url' needs 'transport: http'"
        if server.oauth is not None:
            yield "oauth", "'oauth' needs 'transport: http'"
        return
    if not server.url:
        yield _said(server), "an MCP server of transport 'http' needs 'url'"
    for key in ("command", "args", "env"):
        if getattr(server, key):
            yield key, f"{key!r} needs 'transport: stdio'"


def _said(server: McpServer) -> str:
    return "transport" if server.type is None else "type"


def _resolved(name: str, known: Mapping[str, object]) -> str:
    """The defined name behind an alias of the primary server."""
    if name in PRIMARY_SERVER_NAMES and name not in known:
        return next((alias for alias in PRIMARY_SERVER_NAMES if alias in known), _PRIMARY)
    return name
