import pytest

from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.transcript import KEPT_SECONDS, Transcript, sweep_sessions

_CALL = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": "{}"}}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sessions"


@pytest.fixture
def session(folder):
    with Transcript.begin(folder, "be kind") as transcript:
        transcript.append({"role": "user", "content": "hi"})
        transcript.append({"role": "assistant", "content": None, "tool_calls": [_CALL, {**_CALL, "id": "c2"}]})
        transcript.begin_call("c1")
        transcript.append({"role": "tool", "tool_call_id": "c1", "content": "x"})
    return transcript.session_id


def test_session_is_taken_up_as_it_was(folder, session):
    with Transcript.resume(folder, session) as transcript:
        assert transcript.system_prompt == "be kind"
        assert [message["role"] for message in transcript.messages] == ["user", "assistant", "tool"]
        assert [call.call_id for call in transcript.open_calls()] == ["c2"]
        assert transcript.has_begun("c1")
        assert not transcript.has_begun("c2")
        assert transcript.call_ids() == {"c1", "c2"}


def test_files_are_for_the_user_alone(folder, session):
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / f"{session}.ndjson").stat().st_mode & 0o777 == 0o600


def test_line_that_a_crash_cut_is_dropped_for_good(folder, session):
    file = folder / f"{session}.ndjson"
    whole = file.read_bytes()
    for cut in (1, 5, 20):
        file.write_bytes(whole + b'{"message": {"role": "user", "content": "lost"}}'[:cut])
        with Transcript.resume(folder, session) as transcript:
            assert len(transcript.messages) == 3
        assert file.read_bytes() == whole


def test_session_in_use_is_refused(folder, session):
    with Transcript.resume(folder, session), pytest.raises(RunFailedError, match="in use"):
        Transcript.resume(folder, session)
    with Transcript.resume(folder, session):
        """The lock is gone."""


@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000000", "../../etc/passwd", "", "x"])
def test_unknown_session_is_refused(folder, session, name):
    with pytest.raises(RunFailedError, match="there is no session") as caught:
        Transcript.resume(folder, name)
    assert caught.value.category == "session_start_failed"


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b'{"version": 9, "system_prompt": null}\n', b"\xff\n"])
def test_damaged_session_is_named_and_left_as_it_is(folder, session, content):
    file = folder / f"{session}.ndjson"
    file.write_bytes(content)
    with pytest.raises(RunFailedError, match=rf"{session}.ndjson' is damaged"):
        Transcript.resume(folder, session)
    assert file.read_bytes() == content


def test_session_that_grew_too_long_is_a_bound(folder, session, monkeypatch):
    monkeypatch.setattr("animus_provider_oai.transcript.TRANSCRIPT_LIMIT_BYTES", 2000)
    with Transcript.resume(folder, session) as transcript, pytest.raises(RunFailedError) as caught:
        transcript.append({"role": "user", "content": "x" * 2000})
    assert caught.value.limit == "bytes"


def test_old_sessions_are_swept(folder, session):
    file = folder / f"{session}.ndjson"
    now = file.stat().st_mtime
    sweep_sessions(folder, lambda: now + KEPT_SECONDS - 10)
    assert file.exists()
    sweep_sessions(folder, lambda: now + KEPT_SECONDS + 10)
    assert list(folder.iterdir()) == []
    sweep_sessions(folder / "none")
