"""What fits into a reply, and what is refused because it would not."""

import json

import pytest

from animus_queue_default.wire.limits import MAX_NESTING, MAX_TEXT

REPLY_BYTES = 8 * 1024 * 1024
LEASE = {"max": 1, "owner_id": "o", "workflow_ids": ["w"]}


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def add(host, dispatch, name="A", **more):
    return host.call("queue/enqueue", {"subject_dispatch": dispatch(name, **more)})["entry_id"]


@pytest.mark.parametrize("generation", ["queue/enqueue", "queue/v2/enqueue"])
def test_what_is_nested_too_deep_is_refused_and_spoils_no_batch(host, dispatch, rpc_error, generation):
    deep = (generation, {"subject_dispatch": dispatch("deep", input=nested(MAX_NESTING + 1))})
    good = (generation, {"subject_dispatch": dispatch("good", input=nested(MAX_NESTING))})
    refused, taken = host.call_together([deep, good], raise_errors=False)
    assert refused["error"]["code"] == -32602
    assert "nested" in refused["error"]["message"]
    assert taken["result"]["enqueued"]
    (leased,) = host.call("queue/v2/lease", LEASE)["leased"]
    assert leased["entry"]["subject_dispatch"]["input"] == nested(MAX_NESTING)


def test_metadata_is_not_nested_deeper_either(host, dispatch, rpc_error):
    asked = dispatch("A")
    asked["subject"]["metadata"] = {"a": nested(MAX_NESTING)}
    with pytest.raises(rpc_error, match=r"subject\.metadata"):
        host.call("queue/enqueue", {"subject_dispatch": asked})


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("queue/hold", {"reason": "r"}),
        ("queue/mark_assigned", {"workflow_id": "w"}),
        ("queue/release_pending", {"reason": "r"}),
    ],
)
def test_a_text_that_every_later_reply_would_repeat_is_short(host, dispatch, rpc_error, method, params):
    entry_id = add(host, dispatch)
    if method == "queue/release_pending":
        host.call("queue/lease", {"max": 1})
    ((name, text),) = params.items()
    with pytest.raises(rpc_error, match=f"{name} has {MAX_TEXT + 1} characters") as caught:
        host.call(method, {"entry_id": entry_id, name: text * (MAX_TEXT + 1)})
    assert caught.value.code == -32602
    host.call(method, {"entry_id": entry_id, name: text * MAX_TEXT})


def test_names_of_four_kilobytes_come_back_as_they_were(host, dispatch):
    for letter in ("x", "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        name = letter * 4_096
        host.call("queue/v2/enqueue", {"subject_dispatch": dispatch(name, name)})
        lease = {"max": 1, "owner_id": name, "workflow_ids": [name]}
        fence = host.call("queue/v2/lease", lease)["leased"][0]["execution"]
        assert (fence["workflow_id"], fence["queue_lease"]["owner_id"]) == (name, name)
        assert host.call("queue/v2/renew", {"execution": fence})["outcome"] == "applied"
        assert host.call("queue/v2/completion", {"execution": fence, "status": "failed"})["outcome"] == "applied"


def test_a_page_of_long_names_still_fits_into_a_frame(host, dispatch):
    count, longest = 60, "\0" * MAX_TEXT  # six bytes each as JSON
    for number in range(count):
        add(host, dispatch, f"T{number}")
    ids = [f"{number:02}{longest[2:]}" for number in range(count)]
    leased = []
    while page := host.call("queue/v2/lease", {"max": count, "owner_id": longest, "workflow_ids": ids})["leased"]:
        assert len(json.dumps(page)) < REPLY_BYTES
        leased += page
    assert len(leased) == count
    offset = 0
    while page := host.call("queue/list", {"offset": offset})["entries"]:
        assert len(json.dumps(page)) < REPLY_BYTES
        offset += len(page)
    assert offset == count


@pytest.mark.parametrize("method", ["queue/list", "queue/history", "queue/export"])
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_there_is_no_page_before_the_first(host, rpc_error, method, name):
    with pytest.raises(rpc_error, match=f"{name} is -1") as caught:
        host.call(method, {name: -1})
    assert caught.value.code == -32602
