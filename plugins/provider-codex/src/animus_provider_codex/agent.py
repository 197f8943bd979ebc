"""The plugin: the Codex program as an agent of the provider kind."""

from typing import Final

from animus_agent_cli import RUNS, AgentFacts, BrokerKey, CliProvider, FailureRow, SandboxFacts, Variable
from animus_plugin_protocol import Plugin
from animus_provider_codex.conversation import CodexConversation
from animus_provider_codex.login import BASE_URL, HOME, KEY_VARIABLE, find_missing_login

__all__ = ["FACTS", "VERSION", "build"]

VERSION: Final = "0.1.0"

FACTS: Final = AgentFacts(
    tool="codex",
    program="codex",
    program_variable="ANIMUS_CODEX_PROGRAM",
    minimum_version=(0, 160, 0),
    install_hint="install Codex (npm install -g @openai/codex), or name it in ANIMUS_CODEX_PROGRAM",
    variables=(
        Variable("OPENAI_API_KEY", "a key; not needed after `codex login`", is_sensitive=True),
        Variable("CODEX_API_KEY", "a key for runs like these; goes before a login", is_sensitive=True),
        Variable(BASE_URL, "another server of the Responses API, such as http://127.0.0.1:8080/v1"),
        Variable(KEY_VARIABLE, "the name of the variable with its key; name that in ANIMUS_FORWARD_ENV too"),
        Variable(HOME, "where logins, settings and sessions are; ~/.codex otherwise"),
        Variable("HTTPS_PROXY", "a proxy"),
        Variable("HTTP_PROXY", "a proxy"),
        Variable("NO_PROXY", "what needs no proxy"),
        Variable("CODEX_CA_CERTIFICATE", "certificates to trust"),
        Variable("SSL_CERT_FILE", "certificates to trust"),
    ),
    can_ask=False,
    honours=frozenset({"web_search", "network_access", "config_overrides", "extra_args"}),
    find_credentials=find_missing_login,
    failures=(
        FailureRow("provider_exhaustion", pattern=r"usage limit|hit your .{0,20}limit|usage_limit_reached"),
        FailureRow("unknown", pattern=r"ran out of room in the model's context window"),
        FailureRow("transient", pattern=r"waiting for network|selected model is at capacity"),
    ),
    sandbox=SandboxFacts(
        base_url="https://api.openai.com/v1",
        base_url_variable=BASE_URL,
        keys=(
            BrokerKey("CODEX_API_KEY", "authorization", "Bearer "),
            BrokerKey("OPENAI_API_KEY", "authorization", "Bearer "),
        ),
        routes=(("POST", "/responses"), ("POST", "/responses/compact"), ("GET", "/models")),
        home_variable=HOME,
    ),
)


def build() -> Plugin:
    """The plugin, ready to run."""
    plugin = Plugin("animus-provider-codex", VERSION, description="Codex as an agent.", workers=RUNS)
    CliProvider(FACTS, CodexConversation).register(plugin)
    return plugin
