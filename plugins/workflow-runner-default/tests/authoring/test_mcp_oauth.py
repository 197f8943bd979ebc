"""How an MCP server is signed in to: each flow has what it needs, and nothing of another."""

import pytest

from animus_workflow_runner_default.authoring.mcp_oauth import is_safe_address

FLOW = "workflows: [{id: w, phases: [p]}]\nphases: {p: {mode: agent, agent: a}}\nagents: {a: {tool: claude}}\n"
CLIENT = "flow: client_credentials, token_url: 'https://t', client_id: me, client_secret_env: S"
REFRESH = "flow: refresh_token, token_url: 'https://t', client_id_env: ME, refresh_token_env: R"


def errors_in(errors_of, oauth):
    server = f"mcp_servers: {{s: {{transport: http, url: 'https://x', oauth: {{{oauth}}}}}}}\n"
    return errors_of(server + FLOW, with_phases=False)


@pytest.mark.parametrize(
    "oauth",
    [
        "bearer_env: B",
        CLIENT,
        f"{CLIENT}, scopes: [a], audience: x, cache: false",
        REFRESH,
        f"{REFRESH}, client_secret_env: S, scopes: [a]",
        "flow: client_credentials, token_url: '${ISSUER:-x}', client_id: me, client_secret_env: S",
    ],
)
def test_flow_that_is_whole_is_taken(errors_of, oauth):
    assert errors_in(errors_of, oauth) == []


@pytest.mark.parametrize(
    ("oauth", "message"),
    [
        ("scopes: []", "'manual_bearer' needs 'bearer_env'"),
        ("flow: client_credentials, client_id: me, client_secret_env: S", "needs 'token_url'"),
        ("flow: client_credentials, token_url: 'https://t', client_id: me", "needs 'client_secret_env'"),
        ("flow: client_credentials, token_url: 'https://t', client_secret_env: S", "either 'client_id' or"),
        (f"{CLIENT}, client_id_env: ME", "either 'client_id' or"),
        ("flow: refresh_token, token_url: 'https://t', client_id: me", "needs 'refresh_token_env'"),
        ("flow: authorization_code, token_url: 'https://t'", "a person has to sign in"),
        (f"{CLIENT}, bearer_env: B", "'bearer_env' has no place in the flow 'client_credentials'"),
        ("bearer_env: B, scopes: [x]", "'scopes' has no place in the flow 'manual_bearer'"),
        ("bearer_env: B, cache: false", "'cache' has no place in the flow 'manual_bearer'"),
        (CLIENT.replace("https://t", "http://t.example"), "has to begin with https://"),
    ],
)
def test_flow_that_lacks_something_or_has_too_much_is_refused(errors_of, oauth, message):
    found = errors_in(errors_of, oauth)
    assert found[0].startswith("flow.yaml:1:")
    assert message in found[0]


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://issuer.example/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://localhost/token", True),
        ("http://issuer.example/token", False),
        ("ftp://issuer.example", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("token", False),
    ],
)
def test_secrets_are_sent_over_tls_or_stay_on_the_machine(url, is_safe):
    assert is_safe_address(url) is is_safe
