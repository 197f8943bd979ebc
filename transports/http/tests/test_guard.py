"""Who is let in: those who show the token, call the server by a name that is its own, and are no web page."""

import pytest

from animus_transport_http.exchange import Head
from animus_transport_http.guard import Guard
from animus_transport_http.refusal import RefusalError

TOKEN = "long-enough-token"  # noqa: S105 - opens nothing


def head(**headers: str) -> Head:
    told = {"host": "127.0.0.1:8080", "authorization": f"Bearer {TOKEN}"} | headers
    return Head("GET", ("api",), (), told)


def refusal(guard: Guard, **headers: str) -> int:
    with pytest.raises(RefusalError) as caught:
        guard.check(head(**headers))
    return caught.value.status


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8080", "192.168.0.7:80", "ci.example"]
)
def test_address_or_allowed_name_is_ours(host):
    Guard(TOKEN, ["CI.example"]).check(head(host=host))


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil", "a b", "[::1", "::1"])
def test_name_that_somebody_else_may_point_at_us_is_refused(host):
    assert refusal(Guard(TOKEN, ["ci.example"]), host=host) == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:81", ""])
def test_page_of_another_origin_is_refused_even_with_the_token(origin):
    assert refusal(Guard(TOKEN), origin=origin) == 403


def test_page_of_our_own_origin_is_let_in():
    Guard(TOKEN).check(head(origin="http://127.0.0.1:8080"))
    Guard(TOKEN).check(head(origin="https://127.0.0.1:8080"))  # behind something that speaks TLS


@pytest.mark.parametrize(
    "authorization",
    ["", TOKEN, "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer T\xf6ken", "Bearer \x00"],
)
def test_no_token_or_another_one_is_refused(authorization):
    assert refusal(Guard(TOKEN), authorization=authorization) == 401


def test_scheme_is_read_in_any_case():
    Guard(TOKEN).check(head(authorization=f"bearer {TOKEN}"))


def test_without_a_token_names_and_pages_are_refused_all_the_same():
    guard = Guard(None)
    guard.check(head(authorization=""))
    assert refusal(guard, host="evil.example") == 421
    assert refusal(guard, origin="http://evil.example") == 403
