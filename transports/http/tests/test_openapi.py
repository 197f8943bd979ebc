"""The description is valid OpenAPI 3.1 and says of each route what the route takes."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from animus_transport_http.openapi import document
from animus_transport_http.route import routes


def test_description_is_valid():
    OpenAPIV31SpecValidator(json.loads(json.dumps(document(management=True)))).validate()


@pytest.mark.parametrize("management", [False, True])
def test_every_schema_that_is_named_is_there_and_no_other(management):
    described = document(management=management)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described)))
    assert named == set(described["components"]["schemas"])


def test_every_route_that_is_offered_is_described_and_no_other():
    for management in (False, True):
        paths = document(management=management)["paths"]
        offered = {
            (route.template, route.method.lower())
            for route in routes()
            if management or not route.exposure.is_management
        }
        described = {(path, method) for path, item in paths.items() for method in item}
        assert described == offered | {("/api/v1/openapi.json", "get")}


def test_arguments_are_where_the_route_reads_them():
    paths = document(management=True)["paths"]
    cancel = paths["/api/v1/workflows/{id}/cancel"]["post"]
    assert [row["name"] for row in cancel["parameters"]] == ["id"]
    fields = cancel["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert set(fields) == {"reason", "actor"}
    listing = paths["/api/v1/queue"]["get"]
    assert {row["name"]: row["in"] for row in listing["parameters"]} == {
        "status": "query", "limit": "query", "offset": "query",
    }  # fmt: skip
    assert paths["/api/v1/subjects"]["post"]["requestBody"]["required"]


def test_streams_say_that_they_are_streams():
    paths = document(management=False)["paths"]
    events = paths["/api/v1/daemon/events"]["get"]
    assert set(events["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert "Last-Event-ID" in {row["name"] for row in events["parameters"]}
    assert set(paths["/api/v1/workflows/events"]["get"]["responses"]["200"]["content"]) == {"text/event-stream"}
