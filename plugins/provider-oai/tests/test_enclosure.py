import shutil

import pytest

from animus_provider_oai.enclosure import enclosed
from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.endpoint import Endpoint

_ENDPOINT = Endpoint("http://127.0.0.1:1/v1", "m1", "k1")


def test_without_a_sandbox_commands_run_open(task, tmp_path):
    with enclosed(task(), _ENDPOINT, tmp_path) as enclosure:
        assert enclosure is None


def test_missing_bubblewrap_refuses_rather_than_runs_open(task, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("bwrap") is None
    wanted = task(is_sandboxed=True)
    refused = pytest.raises(RunFailedError, match="the sandbox bubblewrap is asked for and cannot be had")
    with refused as caught, enclosed(wanted, _ENDPOINT, tmp_path):
        pytest.fail("it ran")
    assert (caught.value.failure, caught.value.category) == ("target_unavailable", "session_start_failed")


def test_key_is_not_taken_inside(task, tmp_path):
    leaking = task(is_sandboxed=True)._replace(environment={"MINE": "Bearer k1"})
    with (
        pytest.raises(RunFailedError, match="the key of the endpoint is among"),
        enclosed(leaking, _ENDPOINT, tmp_path),
    ):
        pytest.fail("it ran")
