"""Streams of runs: without secrets, and no longer than their runs."""

import json
import os

import msgspec
import pytest

from animus_plugin_runtime.note import Note
from animus_plugin_runtime.run_stream import KEPT_SECONDS, RunStream, forget_streams

NOW = 1_800_000_000.0


def raw(value):
    return msgspec.Raw(json.dumps(value).encode())


def test_stream_keeps_no_secret_by_key_by_form_or_by_value(tmp_path):
    stream = RunStream.open(tmp_path, "run-1", "provider-1", ["violet-umbrella"])
    said = {"session_id": "s", "text": "it is violet-umbrella", "api_key": "k", "url": "https://me:hunter22@host/x"}
    stream.write(Note("agent/output", raw(said)))
    stream.close()
    (file,) = (tmp_path / "run-1").iterdir()
    kept = json.loads(file.read_text())["params"]
    assert kept == {
        "session_id": "s",
        "text": "it is [redacted]",
        "api_key": "[redacted]",
        "url": "https://[redacted]@host/x",
    }


@pytest.mark.parametrize(
    ("age", "has_files", "stays"),
    [(KEPT_SECONDS + 1, False, False), (KEPT_SECONDS - 60, False, True), (KEPT_SECONDS * 90, True, True)],
)
def test_streams_go_with_the_files_of_their_run_and_not_before(tmp_path, age, has_files, stays):
    logs, runs = tmp_path / "logs", tmp_path / "runs"
    (logs / "run-1").mkdir(parents=True)
    (logs / "run-1" / "stream.jsonl").write_text("{}")
    os.utime(logs / "run-1", (NOW - age, NOW - age))
    if has_files:
        (runs / "run-1").mkdir(parents=True)
    assert forget_streams(logs, runs, NOW) == ([] if stays else ["run-1"])
    assert (logs / "run-1").exists() is stays
