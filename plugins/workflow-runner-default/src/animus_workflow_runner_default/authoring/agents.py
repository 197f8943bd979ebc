"""Agent profiles and tools: the fields of all layers laid over each other, files of prompts read in."""

from pathlib import Path as FilePath
from typing import Any

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.document import MAX_FILE_BYTES
from animus_workflow_runner_default.authoring.model import Agent, Memory, Runtime, Tool
from animus_workflow_runner_default.authoring.permission import permission_fault
from animus_workflow_runner_default.authoring.shapes import AgentShape, ToolShape

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
    "persona",
)
_RUNTIME = Runtime.__struct_fields__
_TOOL = ("executable", "base_args", "env", "read_only_flag", "response_schema_flag")


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
        faulty = next((layer for layer in layers if layer.fault), None)
        catalog.sections["agents"][agent_id] = faulty or layers[-1]
        if faulty is None:
            agents[agent_id] = _agent(agent_id, fields)
    return agents


def _agent(agent_id: str, fields: dict[str, Any]) -> Agent:
    shape = msgspec.convert(fields, described(AgentShape))
    settings = {
        key: value
        for key, value in fields.items()
        if key in AgentShape.__struct_fields__ and key not in (*_PROFILE, *_RUNTIME, "memory")
    }
    runtime = Runtime(**{name: getattr(shape, name) for name in _RUNTIME})
    memory = Memory() if shape.memory is None else msgspec.convert(msgspec.to_builtins(shape.memory), Memory)
    profile = {name: getattr(shape, name) for name in _PROFILE}
    return Agent(id=agent_id, runtime=runtime, memory=memory, settings=settings, **profile)


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
        settings = {
            key: value
            for key, value in definition.value.items()
            if key in ToolShape.__struct_fields__ and key not in _TOOL
        }
        tools[tool_id] = Tool(settings=settings, **{name: getattr(shape, name) for name in _TOOL})
    return tools
