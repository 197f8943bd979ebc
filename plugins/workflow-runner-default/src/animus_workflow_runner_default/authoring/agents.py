"""Agent profiles and tools: the fields of all layers laid over each other, files of prompts read in."""

from pathlib import Path as FilePath
from typing import Any

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.abilities import sorted_out
from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.document import MAX_FILE_BYTES
from animus_workflow_runner_default.authoring.model import Agent, Memory, Runtime, Tool
from animus_workflow_runner_default.authoring.permission import permission_fault
from animus_workflow_runner_default.authoring.shapes import AgentShape, ToolShape
from animus_workflow_runner_default.json_value import json_object

__all__ = ["compile_agents", "compile_tools"]

MAX_PROMPT_BYTES = MAX_FILE_BYTES
_PROFILE = (
    "name",
    "description",
    "role",
    "system_prompt",
    "models",
    "mcp_servers",
    "skills",
    "tool_policy",
    "approval_policy",
    "communication",
    "hooks",
    "persona",
)
_RUNTIME = Runtime.__struct_fields__


def compile_agents(catalog: Catalog) -> dict[str, Agent]:
    """All agents without a fault; an explicitly written field of a later layer wins."""
    agents: dict[str, Agent] = {}
    for agent_id, layers in catalog.agent_layers.items():
        fields: dict[str, Any] = {}
        for layer in layers:
            written = _with_prompt(catalog, layer)
            if "system_prompt" in written:
                fields.pop("system_prompt", None)
            fields |= written
        fault = permission_fault(fields.get("tool"), fields.get("permission_mode"))
        if fault is not None:
            catalog.blame(layers[-1], fault, "permission_mode")
        if _is_forgetful(fields):
            message = "'capabilities.memory' is on and 'memory.enabled' is off; leave one out"
            catalog.blame(layers[-1], message, "capabilities", "memory")
        faulty = next((layer for layer in layers if layer.fault), None)
        catalog.sections["agents"][agent_id] = faulty or layers[-1]
        if faulty is None:
            agents[agent_id] = _agent(agent_id, fields)
    return agents


def _is_forgetful(fields: dict[str, Any]) -> bool:
    """Whether one field turns the memory on and another one off."""
    needs, memory = json_object(fields.get("capabilities")) or {}, json_object(fields.get("memory")) or {}
    return needs.get("memory") is True and memory.get("enabled") is False


def _agent(agent_id: str, fields: dict[str, Any]) -> Agent:
    shape = msgspec.convert(fields, described(AgentShape))
    runtime = Runtime(**{name: getattr(shape, name) for name in _RUNTIME})
    memory = Memory() if shape.memory is None else msgspec.convert(msgspec.to_builtins(shape.memory), Memory)
    capabilities, abilities = sorted_out(shape.capabilities)
    if capabilities.memory:
        memory = msgspec.structs.replace(memory, enabled=True)
    profile = {name: getattr(shape, name) for name in _PROFILE}
    return Agent(id=agent_id, runtime=runtime, memory=memory, capabilities=capabilities, abilities=abilities, **profile)


def _with_prompt(catalog: Catalog, agent: Definition) -> dict[str, Any]:
    """The fields of one layer, with the text of ``system_prompt_file`` as ``system_prompt``."""
    fields = dict(agent.value)
    name = fields.pop("system_prompt_file", None)
    if name is None or agent.fault is not None:
        return fields
    if "system_prompt" in fields:
        catalog.blame(agent, "'system_prompt' and 'system_prompt_file' exclude each other", "system_prompt_file")
        return fields
    try:
        fields["system_prompt"] = _read_prompt(agent, name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        catalog.blame(agent, f"the file {name!r} cannot be used: {reason}", "system_prompt_file")
    catalog.report.depends_on_surroundings = True
    return fields


def _read_prompt(agent: Definition, name: str) -> str:
    root = agent.layer.root.resolve()
    holder = FilePath(agent.document.file)
    path = (root / holder).parent / name
    if not path.resolve().is_relative_to(root):
        raise ValueError(f"it lies outside of {str(root)!r}")
    with path.open("rb") as stream:
        content = stream.read(MAX_PROMPT_BYTES + 1)
    if len(content) > MAX_PROMPT_BYTES:
        raise ValueError(f"it is larger than {MAX_PROMPT_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text") from error


def compile_tools(catalog: Catalog) -> dict[str, Tool]:
    """All tools without a fault."""
    tools: dict[str, Tool] = {}
    for tool_id, definition in catalog.sections["tools"].items():
        shape: ToolShape | None = definition.shape
        if shape is None:
            continue
        tools[tool_id] = Tool(**{name: getattr(shape, name) for name in Tool.__struct_fields__})
    return tools
