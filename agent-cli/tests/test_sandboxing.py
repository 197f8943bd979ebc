from pathlib import Path

import pytest

from animus_agent_cli.facts import BrokerKey, SandboxFacts
from animus_agent_cli.finding import ProgramStartError
from animus_agent_cli.sandboxing import PLACEHOLDER, _environment, broker_url_of, sandboxed

FACTS = SandboxFacts(
    base_url="https://model.example/v1",
    base_url_variable="TOY_URL",
    keys=(BrokerKey("TOY_KEY", "x-api-key"), BrokerKey("TOY_TOKEN", "authorization", "Bearer ")),
    routes=(("POST", "/messages"),),
    home_variable="TOY_HOME",
)


def test_broker_is_where_the_program_asks_and_its_place_is_known_before():
    assert broker_url_of({}, FACTS).startswith("http://127.0.0.1:")
    assert broker_url_of({"TOY_URL": "http://other.example"}, FACTS).startswith("http://127.0.0.1:")


def test_model_url_that_no_broker_can_ask_is_said():
    with pytest.raises(ProgramStartError, match="sandbox cannot be built"):
        broker_url_of({"TOY_URL": "ftp://x"}, FACTS)


def test_key_that_could_be_added_outside_is_needed(shell_call, tmp_path):
    call = shell_call("true")
    with pytest.raises(ProgramStartError, match="set TOY_KEY or TOY_TOKEN"), sandboxed(call, FACTS, tmp_path, tmp_path):
        pytest.fail("it ran")


def test_nothing_secret_enters_the_sandbox():
    given = {"TOY_KEY": "", "TOY_TOKEN": "secret", "HTTPS_PROXY": "http://p", "HOME": "/home/me", "LANG": "C", "X": "1"}
    found = _environment(given, FACTS, FACTS.keys[1], Path("/run/home"))
    assert found == {"TOY_TOKEN": PLACEHOLDER, "TOY_HOME": "/run/home", "LANG": "C", "X": "1"}


def test_sandboxed_run_without_a_key_is_unavailable(start_host, toy_params):
    error = start_host(sandbox=FACTS).fault("agent/run", toy_params("touch ran", sandbox="bubblewrap"))
    assert (error["data"]["category"], "set TOY_KEY" in error["message"]) == ("unavailable", True)
