"""Findings about coding agents: what their plugins need, and what they say of themselves."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from animus_cli.diagnosis.finding import Finding
from animus_cli.json_value import json_array, json_object
from animus_composition.assembly import Assembly
from animus_composition.flavor import install_command
from animus_composition.scaffold.agents import offers
from animus_control.errors import ControlError
from animus_plugin_protocol.methods import HEALTH_CHECK
from animus_plugin_protocol.wire.control import PluginCallParams
from animus_plugin_runtime import Candidate

__all__ = ["ask_providers", "check_environment", "tools_named"]

_TOOL_KEYS = ("tool", "default_tool", "evaluator_tool")

Ask = Callable[[str, Any], Any]
"""Runs an operation by name."""


def tools_named(config: Any) -> frozenset[str]:
    """Every tool that compiled definitions name for their agents, wherever it stands."""
    found: set[str] = set()
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            known = json_object(value)
            found |= {text for key in _TOOL_KEYS if isinstance(text := known.get(key), str)}
            waiting += known.values()
        elif isinstance(value, list):
            waiting += json_array(value)
    return frozenset(found)


def check_environment(assembly: Assembly, tools: frozenset[str] | None = None) -> Iterator[Finding]:
    """The variables that providers say they need, and agents that are here without their plugin. Starts nothing.

    Args:
        assembly: what the project consists of.
        tools: what its definitions name; a provider that none of them means lacks nothing. None: not known.
    """
    for provider in (one for one in assembly.roles.providers if tools is None or _is_meant(one, tools)):
        needs = provider.manifest.env_required if provider.manifest is not None else []
        for need in (need for need in needs if need.required and not os.environ.get(need.name)):
            about = f" ({need.description})" if need.description else ""
            message = f"provider {provider.name!r} needs the environment variable {need.name}{about}, which is not set"
            command = f"export {need.name}=... && animus daemon restart"
            yield Finding(f"environment:{provider.name}", "warning", message, command)
    for offer in offers():
        if not offer.has_plugin:
            tool, command = offer.agent.tool, install_command([offer.agent.distribution])
            message = f"{tool} is here, and {offer.agent.distribution}, which lets phases use it, is not installed"
            yield Finding(f"agent:{tool}", "warning", message, command)


def ask_providers(assembly: Assembly, ask: Ask, tools: frozenset[str]) -> Iterator[Finding]:
    """What each provider answers to a question about its health: a missing program, key or version is said there.

    It is a fault only where the project's definitions mean the provider.
    """
    for provider in assembly.roles.providers:
        name = f"provider:{provider.name}"
        try:
            health = json_object(ask("plugin/call", PluginCallParams(name=provider.name, method=HEALTH_CHECK)))
        except ControlError as error:
            yield Finding(name, "warning", f"{provider.name} does not say how it is: {error.message}", "animus doctor")
            continue
        if health.get("status") == "healthy":
            yield Finding(name, "ok", f"{provider.name} is ready to work")
        else:
            reason = _reason(str(health.get("last_error") or health.get("status")))
            if _is_meant(provider, tools):
                message = f"{provider.name} cannot work as things are: {reason}"
                yield Finding(name, "warning", message, f"animus plugin info {provider.name}")
            else:
                yield Finding(name, "ok", f"{provider.name} is not set up, and no workflow needs it: {reason}")


def _is_meant(provider: Candidate, tools: frozenset[str]) -> bool:
    return any(provider.answers_to(tool) for tool in tools)


def _reason(text: str) -> str:
    """The first line, without the value of PATH: it is long and says nothing new."""
    path = os.environ.get("PATH", "")
    line = text.strip().partition("\n")[0]
    return line.replace(f" ({path})", "").replace(path, "PATH") if path else line
