"""Tokens for MCP servers: asked for as the flow says, kept while they are good, masked, and never sent elsewhere."""

import asyncio
import base64
import http.server
import json
import threading
import urllib.parse

import msgspec
import pytest

from animus_workflow_runner_default.authoring.model import McpOauth, McpServer
from animus_workflow_runner_default.phases.mcp_token import (
    TRIES,
    TokenAnswer,
    TokenError,
    TokenRequest,
    Tokens,
    fetch_token,
)

URL = "https://issuer.example/token"


def oauth_of(flow, **keys):
    """As an author writes it; ``X_env`` names a variable."""
    return msgspec.convert({"flow": flow, **keys}, McpOauth)


SECRET = {"client_secret_env": "S"}
WANTED = {"scopes": ["a", "b"], "audience": "hub"}
ASKED = {"token_url": URL, "client_id": "me"}
CLIENT = oauth_of("client_credentials", **ASKED, **SECRET, **WANTED)
RENEWED = {"token_url": URL, "client_id_env": "ME", "refresh_token_env": "R"}
REFRESH = oauth_of("refresh_token", **RENEWED)
ENVIRONMENT = {"${S}": "s3cret", "${R}": "r3fresh", "${ME}": "me", "${B}": "b3arer"}


def fill(text):
    return ENVIRONMENT.get(text, text)


class Issuer:
    """Answers from a list; the last answer again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def says(status=200, **body):
    return TokenAnswer(status, json.dumps(body).encode())


def gives(token, seconds=None, then=None):
    body = {"access_token": token, "expires_in": seconds, "refresh_token": then}
    return says(**{name: value for name, value in body.items() if value is not None})


@pytest.fixture
def bearer(clock):
    """Gets a token for one server."""

    def bearer(oauth, tokens):
        servers = {"hub": McpServer(transport="http", url="u", oauth=oauth), "open": McpServer(command="x")}
        return asyncio.run(tokens.bearers(servers, fill))["hub"]

    return bearer


@pytest.fixture
def tokens(clock):
    return lambda *answers: Tokens(clock, Issuer(*answers))


def test_token_of_the_environment_is_taken_as_it_is(bearer, tokens):
    assert bearer(McpOauth(bearer_env="B"), tokens(says(500))) == "b3arer"


def test_client_is_known_by_its_secret_which_is_not_in_the_form(bearer, tokens):
    made = tokens(gives("t1", 3600))
    assert bearer(CLIENT, made) == "t1"
    (asked,) = made._fetch.asked
    assert asked == TokenRequest(
        URL, {"grant_type": "client_credentials", "scope": "a b", "audience": "hub"}, ("me", "s3cret")
    )


def test_refresh_token_is_used_and_followed_by_the_one_that_replaces_it(bearer, tokens, clock):
    made = tokens(gives("t1", 61, "n3xt"), gives("t2"))
    assert bearer(REFRESH, made) == "t1"
    clock.advance(2)
    assert bearer(REFRESH, made) == "t2"
    forms = [asked.form for asked in made._fetch.asked]
    assert forms[0] == {"grant_type": "refresh_token", "refresh_token": "r3fresh", "client_id": "me"}
    assert "n3xt" in forms[1].values()


def test_token_is_kept_while_it_is_good(bearer, tokens, clock):
    made = tokens(gives("t1", 3600), gives("t2"))
    assert [bearer(CLIENT, made), bearer(CLIENT, made)] == ["t1", "t1"]
    clock.advance(3541)
    assert bearer(CLIENT, made) == "t2"


def test_author_may_want_a_fresh_one_each_time(bearer, tokens):
    made = tokens(gives("t1", 3600), gives("t2"))
    oauth = msgspec.structs.replace(CLIENT, cache=False)
    assert [bearer(oauth, made), bearer(oauth, made)] == ["t1", "t2"]


@pytest.mark.parametrize("trouble", [says(503), OSError("no route")])
def test_issuer_in_trouble_is_asked_again(bearer, tokens, trouble, clock):
    assert bearer(CLIENT, tokens(trouble, trouble, gives("t1"))) == "t1"
    made = tokens(trouble)
    with pytest.raises(TokenError, match="MCP server 'hub': no token from"):
        bearer(CLIENT, made)
    assert len(made._fetch.asked) == TRIES


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (says(401, error="invalid_client", error_description="who?"), "answered 401: invalid_client who?"),
        (says(200), "no 'access_token'"),
        (TokenAnswer(302, b""), "answered 302"),
        (TokenAnswer(200, b"<html>"), "no 'access_token'"),
        (says(200, access_token=7), "no 'access_token'"),
    ],
)
def test_refusal_is_said_without_what_is_secret(bearer, tokens, answer, words):
    with pytest.raises(TokenError, match=words) as caught:
        bearer(CLIENT, tokens(answer))
    assert "s3cret" not in str(caught.value)


def test_address_out_of_the_environment_has_to_be_safe_too(bearer, tokens, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "${ISSUER}", "http://issuer.example")
    made = tokens(gives("t1"))
    oauth = oauth_of("client_credentials", **(ASKED | {"token_url": "${ISSUER}"}), **SECRET)
    with pytest.raises(TokenError, match="not an address to send a secret to"):
        bearer(oauth, made)
    assert made._fetch.asked == []


@pytest.fixture
def issuer():
    """A server of this machine that answers with what it was asked, and moves whoever asks for /moved."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append((self.path, self.headers.get("Authorization"), dict(urllib.parse.parse_qsl(body))))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/token")
                self.end_headers()
                return
            self.send_response(400 if self.path == "/wrong" else 200)
            self.end_headers()
            self.wfile.write(b'{"access_token": "t1"}')

        def log_message(self, *_args):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_issuer_is_asked_over_http(issuer):
    url, seen = issuer
    answer = fetch_token(TokenRequest(f"{url}/token", {"grant_type": "client_credentials"}, ("me:", "s3 cret")))
    assert answer == TokenAnswer(200, b'{"access_token": "t1"}')
    ((path, authorization, form),) = seen
    assert (path, form) == ("/token", {"grant_type": "client_credentials"})
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"me%3A:s3%20cret"


def test_secret_follows_no_redirect(issuer):
    url, seen = issuer
    assert fetch_token(TokenRequest(f"{url}/moved", {"a": "b"}, ("me", "s"))).status == 302
    assert [path for path, *_ in seen] == ["/moved"]


def test_refusal_of_the_issuer_is_an_answer(issuer):
    assert fetch_token(TokenRequest(f"{issuer[0]}/wrong", {}, None)).status == 400


def test_issuer_that_is_not_there_is_an_os_error():
    with pytest.raises(OSError, match="refused"):
        fetch_token(TokenRequest("http://127.0.0.1:1/token", {}, None))


AGENT = """
mcp_servers:
  hub: {transport: http, url: "https://mcp.example",
    oauth: {flow: client_credentials, token_url: "URL", client_id: me, client_secret_env: S}}
agents: {a: {tool: one, mcp_servers: [hub]}}
phases: {p: {mode: agent, agent: a, directive: work}}
"""


def test_agent_gets_the_token_and_nothing_that_is_kept_has_it(bench, tmp_path):
    bench.define(AGENT.replace("URL", URL))
    bench.phase._environ = {"S": "s3cret"}
    bench.phase._tokens = Tokens(bench.clock, Issuer(gives("t0ken-x", 3600)))
    outcome, agent = bench.run("I saw t0ken-x")
    server = agent.asked[0].mcp_servers["hub"]
    assert server == {"url": "https://mcp.example", "headers": {"Authorization": "Bearer t0ken-x"}}
    assert "t0ken-x" not in json.dumps(outcome.outcome)
    assert all(b"t0ken-x" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_phase_without_a_token_fails_before_anybody_is_called(bench):
    bench.define(AGENT.replace("URL", URL))
    bench.phase._environ = {"S": "s3cret"}
    bench.phase._tokens = Tokens(bench.clock, Issuer(says(401, error="invalid_client")))
    outcome, agent = bench.run("done")
    assert agent.asked == []
    assert "invalid_client" in outcome.reason
