"""``animus http`` says what it serves, and refuses to serve strangers without a token."""

import json

import pytest
from click.testing import CliRunner

from animus_cli.invocation import Invocation
from animus_control.errors import ControlError
from animus_transport_http.command import group


@pytest.fixture
def type_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words: str):
        return CliRunner().invoke(group, words, obj=Invocation(), catch_exceptions=True)

    return run


def test_routes_with_and_without_what_a_person_decides(type_in):
    plain, whole = type_in("routes").output, type_in("routes", "--management").output
    assert "/api/v1/queue/enqueue" in plain
    assert "/phase/approve" not in plain
    assert "/phase/approve" in whole


def test_description_is_printed(type_in):
    assert json.loads(type_in("openapi").output)["openapi"] == "3.1.0"


def test_open_to_other_machines_it_wants_a_token(type_in):
    result = type_in("serve", "--no-token", "--bind", "0.0.0.0:0")
    assert isinstance(result.exception, ControlError)
    assert "leave --no-token out" in result.exception.message
