"""The token is made once, readable by its owner alone, and what is configured goes before it."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from animus_control.errors import ControlError
from animus_transport_http.token_file import TOKEN_VARIABLE, find_token, token_path

GIVEN = "a-token-that-was-given"


def test_token_is_made_at_the_first_start_and_kept(project):
    first, second = find_token(project, {}), find_token(project, {})
    path = token_path(project)
    assert first == second
    assert len(first.text) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert first.source == str(path)
    assert list(path.parent.iterdir()) == [path]


def test_two_starts_at_once_get_one_token(project):
    with ThreadPoolExecutor(2) as pool:
        tokens = set(pool.map(lambda _: find_token(project, {}).text, range(2)))
    assert len(tokens) == 1


def test_variable_goes_before_the_file_and_no_file_is_made(project):
    token = find_token(project, {TOKEN_VARIABLE: GIVEN})
    assert token.text == GIVEN
    assert GIVEN not in token.source
    assert not token_path(project).exists()


def test_reference_to_a_secret_goes_before_the_file(project):
    project.config_dir.mkdir(parents=True, exist_ok=True)
    (project.config_dir / "secrets.toml").write_text(f'[secrets]\n{TOKEN_VARIABLE} = "env:ELSEWHERE"\n')
    assert find_token(project, {"ELSEWHERE": GIVEN}).text == GIVEN
    with pytest.raises(OSError, match="ELSEWHERE"):
        find_token(project, {})


@pytest.mark.parametrize("text", ["short", "", "a token with blanks in it", "t\xf6kent\xf6kent\xf6ken"])
def test_what_is_no_token_is_refused_and_not_shown(project, text):
    with pytest.raises(ControlError) as caught:
        find_token(project, {TOKEN_VARIABLE: text})
    assert not text or text not in caught.value.message


def test_file_that_others_may_read_is_refused(project):
    find_token(project, {})
    token_path(project).chmod(0o640)
    with pytest.raises(ControlError, match="mode 0600"):
        find_token(project, {})


def test_link_in_place_of_the_file_is_refused(project, tmp_path):
    (tmp_path / "elsewhere").write_text(GIVEN)
    (tmp_path / "elsewhere").chmod(0o600)
    token_path(project).parent.mkdir()
    token_path(project).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        find_token(project, {})
