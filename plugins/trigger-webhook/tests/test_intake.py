import json

import pytest

from animus_trigger_webhook.address import Address
from animus_trigger_webhook.hook import GITHUB, PLAIN, Hook
from animus_trigger_webhook.http_request import BadRequestError, Head
from animus_trigger_webhook.intake import Answer, Intake

SECRET = b"key"
LOOPBACK = Address("127.0.0.1", 80)


class Door:
    """An intake and what it was asked to wake."""

    def __init__(self, spool, clock, address=LOOPBACK) -> None:
        self.added = 0
        self.spool = spool
        self.intake = Intake(address, spool, clock, self._woken)

    def _woken(self) -> None:
        self.added += 1

    def serve(self, *hooks: Hook, **problems: str) -> None:
        self.intake.serve(hooks, problems)

    def look_at(self, path: str, method: str = "POST", **headers: str):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.intake.look_at(Head(method, path, {"host": "127.0.0.1:80", "content-length": "2"} | given))

    def send(self, path: str, body: bytes = b"{}", **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        base = {"host": "localhost", "content-length": str(len(body)), "content-type": "application/json"}
        head = Head("POST", path, base | given)
        hook = self.intake.look_at(head)
        return hook if isinstance(hook, Answer) else self.intake.take(hook, head, body)


@pytest.fixture
def door(spool, clock):
    made = Door(spool, clock)
    made.serve(Hook("open", PLAIN), Hook("hub", GITHUB, SECRET, events=("push", "issues.opened")))
    return made


def test_delivery_is_on_disk_when_its_sender_is_told(door, spool):
    answer = door.send("/hooks/open", b'{"a": 1}', x_animus_delivery="d1", x_animus_event="made")
    assert answer.status == 202
    (kept,) = spool.pending("open", 10, ())
    assert kept.event_id == answer.body["event_id"]
    assert json.loads(kept.payload) == {"delivery_id": "d1", "event": "made", "body": {"a": 1}}
    assert door.added == 1


def test_repeated_delivery_is_taken_once_and_costs_no_place(door, spool):
    first = door.send("/hooks/open", x_animus_delivery="d1")
    for _ in range(20):
        again = door.send("/hooks/open", x_animus_delivery="d1")
    assert (again.status, again.body) == (200, {"status": "repeated", "event_id": first.body["event_id"]})
    assert len(spool.pending("open", 10, ())) == 1
    with pytest.raises(BadRequestError) as caught:
        door.send("/hooks/open", b"[]", x_animus_delivery="d1")
    assert caught.value.status == 409


def test_deliveries_without_an_id_are_each_their_own(door, spool):
    assert [door.send("/hooks/open").status for _ in range(2)] == [202, 202]
    assert len(spool.pending("open", 10, ())) == 2


def test_rate_is_kept_for_each_hook_and_says_when_to_come_again(door, clock):
    assert [door.send("/hooks/open").status for _ in range(11)] == [202] * 10 + [429]
    clock.move(50.5)
    assert door.send("/hooks/open").headers == (("Retry-After", "10"),)
    clock.move(9.5)
    assert door.send("/hooks/open").status == 202


def test_signature_is_asked_for_before_the_body_and_checked_after(door, sign, spool):
    assert door.send("/hooks/hub").status == 401
    assert door.send("/hooks/hub", x_hub_signature_256=sign("wrong", b"{}")).status == 401
    assert spool.pending("hub", 10, ()) == []
    taken = door.send("/hooks/hub", x_hub_signature_256=sign("key", b"{}"), x_github_event="push")
    assert taken.status == 202


def test_github_ping_is_answered_and_filtered_events_are_not_kept(door, sign, spool):
    def send(event: str, body: bytes = b"{}") -> Answer:
        return door.send("/hooks/hub", body, x_hub_signature_256=sign("key", body), x_github_event=event)

    assert send("ping").body == {"status": "pong"}
    assert send("star").body["status"] == "ignored"
    assert send("issues", b'{"action": "closed"}').body["status"] == "ignored"
    assert spool.pending("hub", 10, ()) == []
    assert send("issues", b'{"action": "opened"}').status == 202


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"host": "evil.example:80"}, {"host": ""}]
)
def test_unsigned_hook_takes_no_request_that_a_web_page_could_send(door, headers):
    assert door.look_at("/hooks/open", **headers).status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8787", "127.0.0.1:1", "[::1]", "[::1]:8787"])
def test_unsigned_hook_takes_what_is_sent_to_this_machine_by_name(door, host):
    assert door.look_at("/hooks/open", host=host).trigger_id == "open"


def test_signed_hook_may_be_reached_under_any_name(door):
    assert door.look_at("/hooks/hub", host="hooks.example", x_hub_signature_256="x") == door.intake._hooks["hub"]


def test_unsigned_hook_is_closed_where_others_reach_it(spool, clock):
    door = Door(spool, clock, Address("192.0.2.1", 80))
    door.serve(Hook("open", PLAIN))
    assert door.send("/hooks/open").status == 403


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "POST", 404), ("/hooks/", "POST", 404), ("/hooks/none", "POST", 404), ("/hooks/open", "GET", 405)],
)
def test_nothing_else_is_there(door, path, method, status):
    assert door.look_at(path, method).status == status


def test_hook_with_a_problem_says_that_it_has_one(door):
    door.serve(broken="secret_env names 'X'")
    assert door.look_at("/hooks/broken").status == 503


def test_path_may_be_percent_encoded(door):
    door.serve(Hook("a b/ü", PLAIN))
    assert door.send("/hooks/a%20b%2F%C3%BC?x=y").status == 202


def test_unwritable_spool_is_not_acknowledged(door, spool):
    spool.close()
    answer = door.send("/hooks/open")
    assert (answer.status, answer.headers) == (503, (("Retry-After", "60"),))
