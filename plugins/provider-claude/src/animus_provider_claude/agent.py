"""The plugin: the Claude Code program as an agent of the provider kind."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from animus_agent_cli import RUNS, AgentFacts, BrokerKey, CliProvider, SandboxFacts, Variable
from animus_plugin_protocol import Plugin
from animus_provider_claude.conversation import ClaudeConversation
from animus_provider_claude.profile import PROFILES_VARIABLE

__all__ = ["FACTS", "VERSION", "build"]

VERSION: Final = "0.1.0"
_LOGINS: Final = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
)


def find_missing_login(environment: Mapping[str, str]) -> str | None:
    """What is missing for the program to be logged in: a key, or the file that its own login leaves."""
    if any(environment.get(name) for name in _LOGINS) or sys.platform == "darwin":  # there it is in the keychain
        return None
    home = environment.get("CLAUDE_CONFIG_DIR") or str(Path(environment.get("HOME", "/")) / ".claude")
    if (Path(home) / ".credentials.json").is_file():
        return None
    return "no login found: set ANTHROPIC_API_KEY for the daemon, or log in once with `claude` and /login"


FACTS: Final = AgentFacts(
    tool="claude",
    program="claude",
    program_variable="ANIMUS_CLAUDE_PROGRAM",
    minimum_version=(2, 1, 0),
    install_hint="install Claude Code (npm install -g @anthropic-ai/claude-code), or name it in ANIMUS_CLAUDE_PROGRAM",
    variables=(
        Variable("ANTHROPIC_API_KEY", "a key; not needed after a login with the program itself", is_sensitive=True),
        Variable("ANTHROPIC_AUTH_TOKEN", "a bearer token for a gateway", is_sensitive=True),
        Variable("CLAUDE_CODE_OAUTH_TOKEN", "a token of `claude setup-token`", is_sensitive=True),
        Variable("ANTHROPIC_BASE_URL", "another place where the model is served"),
        Variable("ANTHROPIC_MODEL", "the model where a run names none"),
        Variable("ANTHROPIC_SMALL_FAST_MODEL", "the model for small things"),
        Variable("ANTHROPIC_CUSTOM_HEADERS", "headers for a gateway", is_sensitive=True),
        Variable("CLAUDE_CONFIG_DIR", "where logins, settings and sessions are; ~/.claude otherwise"),
        Variable(PROFILES_VARIABLE, 'settings folders that a tool_profile may name: {"work": "~/.claude-work"}'),
        Variable("CLAUDE_CODE_MAX_RETRIES", "how often a request to the model is tried again; 3 otherwise"),
        Variable("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1: nothing but the model is asked"),
        Variable("CLAUDE_CODE_USE_BEDROCK", "1: the model is served by AWS; name its variables in ANIMUS_FORWARD_ENV"),
        Variable("CLAUDE_CODE_USE_VERTEX", "1: the model is served by Google; as above"),
        Variable("CLAUDE_CODE_USE_FOUNDRY", "1: the model is served by Azure; as above"),
        Variable("DISABLE_TELEMETRY", "1: no usage figures"),
        Variable("HTTPS_PROXY", "a proxy"),
        Variable("HTTP_PROXY", "a proxy"),
        Variable("NO_PROXY", "what needs no proxy"),
        Variable("NODE_EXTRA_CA_CERTS", "certificates to trust"),
        Variable("IS_SANDBOX", "1: all of this runs in a sandbox, so root may use bypassPermissions"),
    ),
    can_ask=True,
    can_judge=True,
    honours=frozenset({"web_search", "extra_args", "tool_profile"}),
    find_credentials=find_missing_login,
    sandbox=SandboxFacts(
        base_url="https://api.anthropic.com",
        base_url_variable="ANTHROPIC_BASE_URL",
        keys=(
            BrokerKey("ANTHROPIC_API_KEY", "x-api-key"),
            BrokerKey("ANTHROPIC_AUTH_TOKEN", "authorization", "Bearer "),
            BrokerKey("CLAUDE_CODE_OAUTH_TOKEN", "authorization", "Bearer "),
        ),
        routes=(("POST", "/v1/messages"), ("POST", "/v1/messages/count_tokens")),
        home_variable="CLAUDE_CONFIG_DIR",
    ),
)


def build() -> Plugin:
    """The plugin, ready to run."""
    plugin = Plugin("animus-provider-claude", VERSION, description="Claude Code as an agent.", workers=RUNS)
    CliProvider(FACTS, ClaudeConversation).register(plugin)
    return plugin
