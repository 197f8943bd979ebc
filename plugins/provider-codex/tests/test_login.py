import pytest

from animus_agent_cli.request import UnsupportedError
from animus_provider_codex.login import find_missing_login, login_of

_SERVER = {
    "name": "animus",
    "base_url": "http://127.0.0.1:1/v1",
    "wire_api": "responses",
    "requires_openai_auth": False,
    "supports_websockets": False,
}


def settings(args):
    import tomllib

    found = {}
    for text in args[1::2]:
        found |= tomllib.loads(text)
    return found


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".codex").mkdir()
    return tmp_path / ".codex"


def test_users_own_login_is_left_alone(request_of, home):
    (home / "auth.json").write_text("{}")
    assert login_of(request_of()) == ([], {})
    with_key = request_of(environment={"HOME": str(home.parent), "OPENAI_API_KEY": "k"})
    assert login_of(with_key) == ([], {})


def test_key_is_used_where_there_is_no_login(request_of, home):
    request = request_of(environment={"HOME": str(home.parent), "OPENAI_API_KEY": "k"})
    assert login_of(request) == ([], {"CODEX_API_KEY": "k"})


def test_programs_own_key_goes_first(request_of):
    environment = {"CODEX_API_KEY": "c", "OPENAI_API_KEY": "k"}
    assert login_of(request_of(environment=environment)) == ([], {})
    with_server = environment | {"ANIMUS_CODEX_BASE_URL": "http://127.0.0.1:1/v1"}
    args, _ = login_of(request_of(environment=with_server))
    assert settings(args)["model_providers"]["animus"]["env_key"] == "CODEX_API_KEY"


def test_named_server_is_set_up_with_the_named_key(request_of):
    environment = {"ANIMUS_CODEX_BASE_URL": "http://127.0.0.1:1/v1", "ANIMUS_CODEX_KEY_VARIABLE": "MINE", "MINE": "k"}
    args, variables = login_of(request_of(environment=environment))
    assert settings(args[:2]) == {"model_provider": "animus"}
    assert args[3].startswith("model_providers.animus={")
    assert settings(args[2:4])["model_providers"]["animus"] == _SERVER | {"env_key": "MINE"}
    assert variables == {}
    assert not any("=k" in text or '"k"' in text for text in args)


def test_named_server_may_need_no_key(request_of):
    args, _ = login_of(request_of(environment={"ANIMUS_CODEX_BASE_URL": "http://127.0.0.1:1/v1"}))
    assert settings(args[2:4])["model_providers"]["animus"] == _SERVER


def test_broker_of_a_sandbox_goes_before_the_named_server(request_of):
    environment = {"ANIMUS_CODEX_BASE_URL": "http://elsewhere/v1", "OPENAI_API_KEY": "k"}
    args, _ = login_of(request_of(environment=environment, sandbox=True, broker_url="http://127.0.0.1:1/v1"))
    assert settings(args[2:4])["model_providers"]["animus"] == _SERVER | {"env_key": "OPENAI_API_KEY"}


def test_key_that_is_named_and_missing_is_refused(request_of):
    with pytest.raises(UnsupportedError, match="ANIMUS_FORWARD_ENV"):
        login_of(request_of(environment={"ANIMUS_CODEX_KEY_VARIABLE": "MINE"}))


def test_key_of_another_name_does_not_enter_a_sandbox(request_of):
    with pytest.raises(UnsupportedError, match="cannot be used with sandbox"):
        login_of(request_of(environment={"ANIMUS_CODEX_KEY_VARIABLE": "MINE", "MINE": "k"}, sandbox=True))


@pytest.mark.parametrize(
    ("environment", "files", "missing"),
    [
        ({}, {}, "no login found"),
        ({"OPENAI_API_KEY": ""}, {}, "no login found"),
        ({"OPENAI_API_KEY": "k"}, {}, None),
        ({"CODEX_API_KEY": "k"}, {}, None),
        ({"ANIMUS_CODEX_BASE_URL": "http://x"}, {}, None),
        ({"ANIMUS_CODEX_KEY_VARIABLE": "MINE", "OPENAI_API_KEY": "k"}, {}, "'MINE', which is not set"),
        ({}, {"auth.json": "{}"}, None),
        ({}, {"config.toml": 'cli_auth_credentials_store = "keyring"'}, None),
        ({}, {"config.toml": 'model_provider = "mine"'}, None),
    ],
)
def test_what_is_missing_for_a_login_is_said(home, environment, files, missing):
    for name, text in files.items():
        (home / name).write_text(text)
    found = find_missing_login({"CODEX_HOME": str(home), **environment})
    assert (found is None) if missing is None else (missing in found)
