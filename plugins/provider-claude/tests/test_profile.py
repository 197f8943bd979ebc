"""Settings folders by name: the workflow names one, the machine says where it is."""

import json

import pytest

from animus_agent_cli.request import UnsupportedError
from animus_provider_claude.command import command_of
from animus_provider_claude.profile import profile_environment


@pytest.fixture
def named(request_of, tmp_path):
    (tmp_path / "work").mkdir()
    folders = {"work": str(tmp_path / "work"), "gone": str(tmp_path / "gone"), "odd": 7}
    environment = {"ANIMUS_CLAUDE_PROFILES": json.dumps(folders)}

    def named(name, **more):
        return request_of(**({"tool_profile": name, "environment": environment} | more))

    return named


def test_profile_is_the_folder_that_the_machine_gives_it(named, tmp_path):
    assert command_of(named("work")).environment["CLAUDE_CONFIG_DIR"] == str(tmp_path / "work")
    assert "CLAUDE_CONFIG_DIR" not in command_of(named(None)).environment


@pytest.mark.parametrize("name", ["gone", "odd", "none"])
def test_profile_that_is_not_there_is_refused_with_what_is(named, name):
    with pytest.raises(UnsupportedError, match="has: gone, odd, work"):
        profile_environment(named(name))


def test_profiles_that_are_no_json_are_said(named):
    with pytest.raises(UnsupportedError, match="is no JSON object"):
        profile_environment(named("work", environment={"ANIMUS_CLAUDE_PROFILES": "{work"}))


def test_sandbox_has_a_folder_of_its_own(named):
    with pytest.raises(UnsupportedError, match="leave one out"):
        profile_environment(named("work", sandbox=True))
