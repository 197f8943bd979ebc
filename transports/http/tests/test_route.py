"""Routes are made from the operation table: one each, none twice, with the fields that a caller may fill."""

import pytest

from animus_cli.arguments import ArgumentsError
from animus_cli.exposure import EXPOSED
from animus_transport_http.query import query_arguments
from animus_transport_http.refusal import RefusalError
from animus_transport_http.route import routes


@pytest.fixture(scope="module")
def known():
    return {route.operation.name: route for route in routes()}


def test_every_offered_operation_has_a_route_of_its_own(known):
    assert set(known) == set(EXPOSED)
    assert len({(route.method, route.path) for route in known.values()}) == len(EXPOSED)


@pytest.mark.parametrize(
    ("operation", "method", "template"),
    [
        ("queue/list", "GET", "/api/v1/queue"),
        ("queue/enqueue", "POST", "/api/v1/queue/enqueue"),
        ("queue/hold", "POST", "/api/v1/queue/{id}/hold"),
        ("subject/create", "POST", "/api/v1/subjects"),
        ("subject/update", "PATCH", "/api/v1/subjects/{id}"),
        ("subject/delete", "DELETE", "/api/v1/subjects/{id}"),
        ("workflow/get", "GET", "/api/v1/workflows/{id}"),
        ("workflow/delete", "POST", "/api/v1/workflows/delete"),
        ("workflow/phase/approve", "POST", "/api/v1/workflows/{id}/phase/approve"),
        ("workflow/config/get", "GET", "/api/v1/workflows/config"),
        ("agent/cancel", "POST", "/api/v1/agent/{session_id}/cancel"),
        ("plugin/call", "POST", "/api/v1/plugin/{name}/call"),
        ("daemon/logs", "GET", "/api/v1/daemon/logs"),
    ],
)
def test_path_follows_from_the_name_and_what_the_operation_is_about(known, operation, method, template):
    assert (known[operation].method, known[operation].template) == (method, template)


def test_schemas_are_closed_and_hold_nothing_that_waits(known):
    for route in known.values():
        assert route.schema["additionalProperties"] is False
        assert not set(route.schema["properties"]) & {"sync", "follow", "trigger_source", "subject_dispatch", "detach"}


def test_dispatch_carries_origin_and_actor(known):
    plain = known["queue/enqueue"].params(None, {"subject": "task:T"})
    assert (plain.trigger_source, plain.actor.user_id) == ("http", "http")
    named = known["queue/enqueue"].params(None, {"subject": "task:T", "actor": {"user_id": "ada", "claims": ["admin"]}})
    assert (named.actor.user_id, named.actor.claims) == ("ada", ["admin"])
    assert known["workflow/run"].params(None, {}).actor.user_id == "http"


def test_value_of_the_path_is_the_one_that_counts(known):
    assert known["workflow/cancel"].params("run-1", {"reason": "why"}).id == "run-1"
    with pytest.raises(ArgumentsError, match="takes no argument 'id'"):
        known["workflow/cancel"].params("run-1", {"id": "run-2"})


def test_agent_is_never_waited_for(known):
    assert known["agent/run"].params(None, {"provider": "p", "prompt": "x"}).detach


@pytest.mark.parametrize(
    ("operation", "fields", "expected"),
    [
        ("queue/list", [("limit", "7"), ("status", "held"), ("status", "pending")], {"status": ["held", "pending"]}),
        ("subject/list", [("status", "ready")], {"limit": 50}),
        ("daemon/logs", [("level", "error"), ("search", "a b=c&d")], {"search": "a b=c&d"}),
        ("workflow/inspect", [("what", "run"), ("workflow_id", "null")], {"what": "run"}),
        ("subject/watch", [("filter", '{"labels_any":["\u00fc"]}')], {"kind": None}),
        ("workflow/checkpoints/get", [("number", "3")], {"number": 3}),
    ],
)
def test_query_becomes_params(known, operation, fields, expected):
    route = known[operation]
    params = route.params("x", query_arguments(fields, route.schema))
    assert {name: getattr(params, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("queue/list", [("limt", "7")], r"takes no argument 'limt'\. Did you mean 'limit'\?"),
        ("queue/stats", [("x", "")], "There are: none"),
        ("queue/list", [("limit", "0")], ">= 1"),
        ("queue/list", [("limit", "many")], "Expected `int`"),
        ("daemon/logs", [("level", "loud")], "Invalid enum value 'loud'"),
        ("workflow/inspect", [], "missing required field `what`"),
    ],
)
def test_query_that_does_not_fit_is_refused(known, operation, fields, message):
    route = known[operation]
    with pytest.raises(ArgumentsError, match=message):
        route.params("x", query_arguments(fields, route.schema))


def test_query_that_cannot_be_read_is_refused(known):
    with pytest.raises(RefusalError, match="given twice"):
        query_arguments([("limit", "1"), ("limit", "2")], known["queue/list"].schema)
    with pytest.raises(RefusalError, match="no JSON"):
        query_arguments([("filter", "{")], known["subject/watch"].schema)
