import json
import urllib.parse

import pytest

from animus_trigger_webhook.delivery import event_id_of, is_signed_by, read_delivery
from animus_trigger_webhook.hook import GITHUB, PLAIN
from animus_trigger_webhook.http_request import BadRequestError

JSON = {"content-type": "application/json; charset=utf-8"}


def test_signature_of_githubs_documentation_is_accepted():
    """The example on GitHub's page about validating deliveries."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed_by(b"It's a Secret to Everybody", signature, b"Hello, World!")


@pytest.mark.parametrize("wrong", [None, "", "sha256=", "sha1=00", "sha256=" + "0" * 64, "sha256=" + "g" * 64])
def test_any_other_signature_is_not(wrong):
    assert not is_signed_by(b"key", wrong, b"body")


def test_github_delivery_is_named_by_githubs_headers():
    headers = JSON | {"x-github-delivery": "72d3162e", "x-github-event": "issues", "x-animus-event": "other"}
    delivery = read_delivery(GITHUB, headers, b'{"action": "opened", "n": 1}')
    assert (delivery.id, delivery.event, delivery.action) == ("72d3162e", "issues", "opened")
    assert json.loads(delivery.payload("72d3162e")) == {
        "delivery_id": "72d3162e",
        "event": "issues",
        "body": {"action": "opened", "n": 1},
    }


def test_github_form_holds_its_json_in_a_field():
    body = urllib.parse.urlencode({"payload": '{"ref": "main"}'}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert read_delivery(GITHUB, headers, body).body == {"ref": "main"}


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        ("application/json", b"[1]", [1]),
        ("application/cloudevents+json", b"null", None),
        ("text/plain", "grüße".encode(), "grüße"),
        ("", b"", ""),
    ],
)
def test_body_is_json_where_its_type_says_so_and_text_elsewhere(content_type, body, value):
    assert read_delivery(PLAIN, {"content-type": content_type}, body).body == value


@pytest.mark.parametrize(
    ("hook_type", "headers", "body"),
    [
        (PLAIN, JSON, b"{"),
        (PLAIN, JSON, b""),
        (PLAIN, JSON, b"NaN"),
        (PLAIN, JSON, b"[" * 100_000),
        (PLAIN, {}, b"\xff"),
        (PLAIN, JSON | {"x-animus-delivery": "a b"}, b"{}"),
        (PLAIN, JSON | {"x-animus-delivery": "a" * 201}, b"{}"),
        (PLAIN, JSON | {"x-animus-event": "<script>"}, b"{}"),
        (GITHUB, {"content-type": "application/x-www-form-urlencoded"}, b"other=1"),
        (GITHUB, {"content-type": "application/x-www-form-urlencoded"}, b"payload={"),
    ],
)
def test_request_that_is_no_delivery_is_refused(hook_type, headers, body):
    with pytest.raises(BadRequestError) as caught:
        read_delivery(hook_type, headers, body)
    assert caught.value.status == 400


def test_event_that_swells_when_written_as_json_is_refused():
    delivery = read_delivery(PLAIN, {}, b"\x01" * 1_000_000)
    with pytest.raises(BadRequestError) as caught:
        delivery.payload("d")
    assert caught.value.status == 413


def test_one_delivery_to_two_triggers_is_two_events():
    assert event_id_of("a", "1") != event_id_of("b", "1")
    assert event_id_of("a", "1") == event_id_of("a", "1")
