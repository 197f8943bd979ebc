"""Which coding agents this machine offers: the program or the variables of each, and the plugin that speaks to it."""

import os
import shutil
from collections.abc import Mapping
from typing import NamedTuple

from animus_plugin_runtime.entry_points import entry_points

__all__ = ["AGENTS", "KNOWN", "PLUGINS_GROUP", "KnownAgent", "Offer", "agent_command", "offers"]

PLUGINS_GROUP = "animus.plugins"


class KnownAgent(NamedTuple):
    """A coding agent that there is a plugin for.

    Attributes:
        tool: what agents of workflow files call it.
        distribution: the plugin's.
        program: the program that has to be on PATH, or None.
        variables: one of these has to be set, where there is no program.
        program_variable: the variable that names the program where it is not on PATH.
    """

    tool: str
    distribution: str
    program: str | None = None
    variables: tuple[str, ...] = ()
    program_variable: str | None = None


class Offer(NamedTuple):
    """A coding agent that is here; `has_plugin` says whether phases can use it at once."""

    agent: KnownAgent
    has_plugin: bool


KNOWN = (
    KnownAgent("claude", "animus-provider-claude", program="claude", program_variable="ANIMUS_CLAUDE_PROGRAM"),
    KnownAgent("codex", "animus-provider-codex", program="codex", program_variable="ANIMUS_CODEX_PROGRAM"),
    KnownAgent("oai", "animus-provider-oai", variables=("ANIMUS_OAI_BASE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY")),
)
"""In the order in which they are preferred."""

AGENTS: tuple[tuple[str, ...], ...] = (
    ("claude", "--print", "--permission-mode", "acceptEdits"),
    ("codex", "exec", "--full-auto", "-"),
)
"""Coding agents that take a prompt on standard input, with the arguments that let them edit files."""


def offers(environ: Mapping[str, str] = os.environ) -> list[Offer]:
    """The agents that are here, those that can be used at once first."""
    installed = {entry.distribution for entry in entry_points(PLUGINS_GROUP)}
    here = [Offer(agent, agent.distribution in installed) for agent in KNOWN if _is_here(agent, environ)]
    return sorted(here, key=lambda offer: not offer.has_plugin)


def agent_command() -> tuple[str, ...] | None:
    """The first of `AGENTS` that is on PATH."""
    return next((argv for argv in AGENTS if shutil.which(argv[0]) is not None), None)


def _is_here(agent: KnownAgent, environ: Mapping[str, str]) -> bool:
    if agent.program is not None:
        named = environ.get(agent.program_variable) if agent.program_variable else None
        return shutil.which(named or agent.program) is not None
    return any(environ.get(name) for name in agent.variables)
