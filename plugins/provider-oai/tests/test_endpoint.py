import pytest

from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.endpoint import OPENAI_URL, Endpoint, base_url_in, endpoint_in, limits_in, price_in
from animus_provider_oai.limits import Limits

_LOCAL = {"ANIMUS_OAI_BASE_URL": "http://127.0.0.1:11434/v1/", "ANIMUS_OAI_MODEL": "m1"}


def test_endpoint_is_read_from_the_environment():
    assert endpoint_in(_LOCAL, None) == Endpoint("http://127.0.0.1:11434/v1", "m1", None)
    assert endpoint_in(_LOCAL | {"OPENAI_API_KEY": " k1\n"}, "m2") == Endpoint("http://127.0.0.1:11434/v1", "m2", "k1")


def test_address_falls_back_to_openais_variable_and_a_key_alone_means_openai():
    assert base_url_in({"OPENAI_BASE_URL": "http://x/v1"}) == "http://x/v1"
    assert base_url_in({"OPENAI_API_KEY": "k"}) == OPENAI_URL
    assert base_url_in({}) is None


@pytest.mark.parametrize(
    ("environment", "message", "failure"),
    [
        ({}, "no endpoint is set: set ANIMUS_OAI_BASE_URL", "target_unavailable"),
        ({"ANIMUS_OAI_BASE_URL": "localhost:11434"}, "must be an http or https address", "target_unavailable"),
        ({"ANIMUS_OAI_BASE_URL": "http://x:port/v1"}, "must be an http or https address", "target_unavailable"),
        ({"ANIMUS_OAI_BASE_URL": "http://x/v1"}, "no model is named", "target_unavailable"),
    ],
)
def test_endpoint_that_is_not_set_says_what_to_set(environment, message, failure):
    with pytest.raises(RunFailedError, match=message) as caught:
        endpoint_in(environment, None)
    assert caught.value.failure == failure


def test_key_is_taken_out_of_texts():
    assert Endpoint("u", "m", "sk-1").without_key("bad key sk-1!") == "bad key ***!"


def test_bounds_can_be_set():
    assert limits_in({}) == Limits()
    limits = limits_in({"ANIMUS_OAI_MAX_TURNS": "5", "ANIMUS_OAI_STALL_SECONDS": "1.5"})
    assert (limits.turns, limits.stall_seconds) == (5, 1.5)


@pytest.mark.parametrize("text", ["0", "-1", "many", "inf", "nan"])
def test_bound_that_is_none_is_refused(text):
    with pytest.raises(RunFailedError, match="ANIMUS_OAI_MAX_TURNS must be a number above 0"):
        limits_in({"ANIMUS_OAI_MAX_TURNS": text})


def test_price_is_looked_up_by_model(tmp_path):
    table = '{"m1": {"input": 2, "output": 10, "cached": 0.5}}'
    (tmp_path / "prices.json").write_text(table)
    for text in (table, str(tmp_path / "prices.json")):
        price = price_in({"ANIMUS_OAI_PRICES": text}, "m1")
        assert price.cost(fresh=1_000_000, cached=2_000_000, output=100_000) == pytest.approx(2 + 1 + 1)
    assert price_in({"ANIMUS_OAI_PRICES": table}, "m2") is None
    assert price_in({}, "m1") is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"m1": {"input": 1}}', '{"m1": {"input": 1, "output": 1, "x": 1}}', "/nowhere"]
)
def test_price_table_that_cannot_be_understood_is_refused(text):
    with pytest.raises(RunFailedError, match="ANIMUS_OAI_PRICES must be"):
        price_in({"ANIMUS_OAI_PRICES": text}, "m1")
