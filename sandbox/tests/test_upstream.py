import pytest

from animus_sandbox import Route, SandboxSpecError, Secret, Upstream, upstream_url
from animus_sandbox.upstream import address_of, request_problem


def test_secret_does_not_show():
    secret = Secret("sk-123")
    assert "sk-123" not in f"{secret} {secret!r} {Upstream('http://x', (), secret)}"
    assert secret.reveal() == "sk-123"


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "ü"])
def test_secret_no_header_can_carry_is_refused(text):
    with pytest.raises(SandboxSpecError):
        Secret(text)


def test_address_is_read_from_the_base_url():
    address = address_of(Upstream("https://api.example.com/v1/", ()))
    assert (address.is_encrypted, address.host, address.port, address.prefix) == (True, "api.example.com", 443, "/v1")
    assert address.host_header == "api.example.com"
    assert address_of(Upstream("http://[::1]:8080", ())).host_header == "[::1]:8080"
    assert upstream_url(Upstream("https://api.example.com/v1/", ()), 1) == "http://127.0.0.1:9102/v1"


@pytest.mark.parametrize(
    "url",
    ["ftp://x", "x", "http://", "http://u:secret@x", "http://x?a=1", "http://x/a/../b", "http://x/%2e", "http://x:y"],
)
def test_odd_base_url_is_refused_without_showing_its_password(url):
    with pytest.raises(SandboxSpecError) as error:
        address_of(Upstream(url, ()))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("route", [Route("post", "/x"), Route("POST", "x"), Route("POST", "/a/../b")])
def test_odd_route_is_refused(route):
    with pytest.raises(SandboxSpecError, match="no route"):
        address_of(Upstream("http://x", (route,)))


def test_odd_header_is_refused():
    with pytest.raises(SandboxSpecError, match="no header"):
        address_of(Upstream("http://x", (), header="a:b"))


_ROUTES = (Route("POST", "/messages"), Route("GET", "/models/*"))


@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/v1/messages"), ("POST", "/v1/messages?beta=true"), ("GET", "/v1/models/a-1.2")]
)
def test_request_of_a_route_is_let_through(method, target):
    assert request_problem(Upstream("http://x/v1", _ROUTES), "/v1", method, target) is None


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/messages"),
        ("POST", "/messages"),
        ("POST", "/v1/messages/"),
        ("POST", "/v1/messages/x"),
        ("POST", "/v1//messages"),
        ("POST", "/v1/x/../messages"),
        ("POST", "/v1/%6dessages"),
        ("POST", "//evil/v1/messages"),
        ("POST", "http://evil/v1/messages"),
        ("POST", "/v1/messages#x"),
        ("POST", "/v1/messages?a=\x01"),
        ("POST", "\\v1\\messages"),
        ("GET", "/v1/models/.."),
        ("GET", "/v1/models/a/b"),
        ("CONNECT", "evil:443"),
    ],
)
def test_every_other_request_is_refused(method, target):
    assert request_problem(Upstream("http://x/v1", _ROUTES), "/v1", method, target) is not None
