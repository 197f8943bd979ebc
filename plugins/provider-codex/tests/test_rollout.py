import os

import pytest

from animus_provider_codex.rollout import tokens_before

_SESSION = "01a1fee6-772f-7de0-b648-c461e96ee99d"


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / "sessions" / "2026" / "11" / "21"
    folder.mkdir(parents=True)
    return folder / f"rollout-2026-11-21T16-18-45-{_SESSION}.jsonl"


def test_last_totals_of_a_session_are_found(record, sample, tmp_path):
    line = sample("rollout_token_count").read_text()
    record.write_text(line.replace('"input_tokens":200', '"input_tokens":100') + line + '{"type":"x"}\n')
    found = tokens_before(tmp_path, _SESSION)
    assert (found["input_tokens"], found["cached_input_tokens"], found["output_tokens"]) == (200, 20, 14)


@pytest.mark.parametrize(
    "text",
    ["", '"token_count"\n', '{"payload": {"type": "token_count", "info": null}}\n', '["token_count"]\n', "\xff\n"],
)
def test_record_that_says_nothing_is_nothing(record, tmp_path, text):
    record.write_text(text)
    assert tokens_before(tmp_path, _SESSION) == {}


def test_link_and_pipe_in_the_place_of_a_record_are_not_read(record, sample, tmp_path):
    record.symlink_to(sample("rollout_token_count"))
    assert tokens_before(tmp_path, _SESSION) == {}
    record.unlink()
    os.mkfifo(record)
    assert tokens_before(tmp_path, _SESSION) == {}


def test_session_without_a_record_has_nothing(tmp_path):
    assert tokens_before(tmp_path, _SESSION) == {}
