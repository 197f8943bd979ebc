"""What is asked over HTTP reaches the daemon as it was meant, and what it answers comes back with its status."""

import asyncio
import json
import threading

import pytest

from animus_control.errors import ControlError
from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.wire import control
from animus_transport_http import api, resumption

UNICODE = 'Grüße, 世界 🜁 \u2028\x00"\\'


@pytest.fixture
def asked():
    return []


@pytest.fixture
def daemon(stand_in, asked):
    """Answers every operation with nothing, and remembers what it was asked."""

    async def unary(operation, params):
        asked.append((operation.name, params))
        if operation.name == "queue/stats":
            raise RefusedError("the queue is locked", code=-32205)
        if operation.name == "workflow/get":
            raise ControlError("not_found", f"there is no run {params.id!r}", next_step="animus workflow list")
        if operation.name == "subject/create":
            return {"title": params.title}
        if operation.name == "daemon/health":
            raise KeyError(UNICODE)
        return control.UnitResult()

    async def stream(operation, params):
        asked.append((operation.name, params))

        async def some():
            for number in range(3):
                yield {"n": number}

        return some()

    stand_in(unary, stream)


def test_without_a_daemon_the_answer_is_503_and_says_what_to_do(serve):
    client = serve()
    for method, path in (("GET", "/queue"), ("POST", "/queue/enqueue"), ("GET", "/workflows/events")):
        reply = client.ask(method, path)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert reply.error["code"] == "unavailable"
        assert reply.error["details"]["remediation"] == {
            "kind": "daemon_not_running", "next_step": "animus daemon start",
        }  # fmt: skip


def test_what_needs_no_daemon_is_answered_without_one(serve):
    assert serve().get("/audit/verify").data == {"lines": 0, "is_whole": True}


def test_body_and_path_reach_the_operation_whole(serve, daemon, asked):
    client = serve()
    assert client.post("/subjects", {"title": UNICODE}).data == {"title": UNICODE}
    assert client.post("/queue/x%2Fy%3Fz%20%C3%BC/hold", {"reason": UNICODE}).status == 200
    assert client.get("/queue?status=held&status=pending&limit=3").status == 200
    (_, created), (_, held), (_, listing) = asked
    assert created.title == UNICODE
    assert (held.id, held.reason) == ("x/y?z ü", UNICODE)
    assert (listing.status, listing.limit) == (["held", "pending"], 3)


def test_dispatch_says_where_it_came_from(serve, daemon, asked):
    serve().post("/queue/enqueue", {"subject": "task:T"})
    assert asked[0][1].trigger_source == "http"
    assert asked[0][1].actor.user_id == "http"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/workflows/run-404", 404, "not_found"),
        ("GET", "/queue/stats", 503, "unavailable"),
        ("GET", "/daemon/health", 500, "internal"),
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "", 404, "not_found"),
        ("GET", "/workflows/", 404, "not_found"),
        ("GET", "/workflows//pause", 404, "not_found"),
        ("GET", "/../v1/queue", 404, "not_found"),
        ("DELETE", "/queue", 405, "method_not_allowed"),
        ("OPTIONS", "/queue", 405, "method_not_allowed"),
        ("POST", "/daemon/stop", 403, "forbidden"),
        ("POST", "/workflows/run-1/phase/approve", 403, "forbidden"),
        ("GET", "/queue?limit=0", 400, "invalid_input"),
        ("POST", "/queue/enqueue?subject=task:T", 400, "invalid_input"),
        ("POST", "/subjects", 400, "invalid_input"),
    ],
)
def test_refusals_have_their_status_and_word(serve, daemon, method, path, status, code):
    reply = serve().ask(method, path)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert status != 405 or reply.headers["allow"] == "GET"


def test_management_is_offered_when_a_person_said_so(serve, daemon, asked):
    assert serve(management=True).post("/workflows/run-1/phase/approve", {"note": "good"}).status == 200
    assert (asked[0][0], asked[0][1].id) == ("workflow/phase/approve", "run-1")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json; charset=utf-8", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"title": 1e999999}', "application/json", 400),
        (b'{"title": "x", "titel": "y"}', "application/json", 400),
        (b'{"title": "x"}', "text/plain", 415),
        (b"title=x", "application/x-www-form-urlencoded", 415),
    ],
)
def test_body_that_is_no_object_of_arguments_is_refused(serve, daemon, asked, body, content_type, status):
    reply = serve().post("/subjects", body, Content_Type=content_type)
    assert (reply.status, asked) == (status, [])


def test_large_body_within_the_bound_arrives(serve, daemon, asked):
    assert serve().post("/subjects", {"title": "x" * 4_000_000}).status == 200
    assert len(asked[0][1].title) == 4_000_000


def test_stranger_is_told_nothing_about_what_is_there(serve, daemon, asked):
    client = serve(token="another-token-than-the-client's")  # noqa: S106 - of this test
    for path in ("/queue", "/nothing", "/openapi.json"):
        assert client.get(path).status == 401
    assert serve().get("/queue", Origin="http://evil.example").status == 403
    assert serve(token=None).get("/queue", Host="evil.example").status == 421
    assert asked == []


def test_no_page_of_another_origin_is_told_that_it_may(serve, daemon):
    reply = serve().ask("OPTIONS", "/queue", Origin="http://evil.example")
    assert reply.status == 403
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_stream_is_a_list_unless_events_are_asked_for(serve, daemon, asked):
    client = serve()
    assert client.get("/daemon/logs?limit=7").data == [{"n": 0}, {"n": 1}, {"n": 2}]
    events = client.follow("/daemon/logs?limit=7")
    assert [events.next()["data"] for _ in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert events.next() == {"event": "closed", "data": {"reason": "ended"}}
    events.close()
    assert [(params.limit, params.follow) for _, params in asked] == [(7, False), (7, True)]


@pytest.fixture
def record(stand_in):
    """A daemon with events from one number to another, which it has no more than that of."""

    def start(first: int, last: int) -> None:
        async def stream(_, params):
            async def some():
                for number in range(max(first, last + 1 - params.limit), last + 1):
                    yield control.DaemonEvent(id=str(number), seq=number, occurred_at="x", kind="k")

            return some()

        stand_in(None, stream)

    return start


@pytest.mark.parametrize(
    ("last", "expected"),
    [("6", [7]), ("7", []), ("0", [5, 6, 7]), ("900", [5, 6, 7])],  # 900: of a record that is gone
)
def test_stream_goes_on_after_the_number_that_the_client_had(serve, record, last, expected):
    record(5, 7)
    events = serve().follow("/daemon/events?limit=0", Last_Event_ID=last)
    assert [events.next()["data"]["seq"] for _ in expected] == expected
    assert events.next()["event"] == "closed"
    events.close()


def test_client_that_was_away_for_long_is_told_what_it_missed(serve, record, monkeypatch):
    monkeypatch.setattr(resumption, "CATCH_UP", 2)
    record(1, 9)
    events = serve().follow("/daemon/events", Last_Event_ID="3")
    assert events.next() == {"event": "missed", "data": {"first": 4, "last": 7}}
    assert [events.next()["id"] for _ in range(2)] == ["8", "9"]
    events.close()


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "\u0661".encode().decode("latin-1"), "9" * 40])
def test_number_that_is_none_is_refused(serve, record, last):
    record(1, 1)
    assert serve().get("/daemon/events", Accept="text/event-stream", Last_Event_ID=last).status == 400


def test_streams_have_a_bound_and_are_ended_with_the_server(serve, stand_in, monkeypatch):
    monkeypatch.setattr(api, "STREAM_LIMIT", 2)

    async def stream(_, __):
        async def silence():
            await asyncio.Event().wait()
            yield {}

        return silence()

    stand_in(None, stream)
    client = serve()
    first, second = client.follow("/workflows/events"), client.follow("/workflows/events")
    refused = client.get("/workflows/events")
    assert (refused.status, refused.error["code"]) == (503, "unavailable")
    for events in (first, second):
        events.close()


def test_clients_at_once_get_their_own_answers(serve, daemon):
    client = serve()
    found = {}

    def ask(number: int) -> None:
        found[number] = client.post("/subjects", {"title": str(number)}).data["title"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: str(number) for number in range(24)}


def test_answers_are_not_kept_and_not_guessed_about(serve, daemon):
    headers = serve().get("/queue").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "application/json"
    assert json.loads(serve().get("/openapi.json").body)["openapi"] == "3.1.0"
