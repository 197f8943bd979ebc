import stat
import subprocess
import sys

import pytest

from animus_plugin_runtime.durable import LockTimeoutError, locked, write_durably
from animus_plugin_runtime.errors import TrustError
from animus_plugin_runtime.trust import TrustStore


@pytest.fixture
def store(tmp_path):
    return TrustStore(tmp_path / "config" / "trust.json")


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "plugin"
    path.write_text("#!/bin/sh\n")
    return path


def test_file_is_untrusted_until_it_is_trusted_and_again_when_it_changes(store, program):
    assert not store.is_trusted(program)
    assert f"animus plugin trust {program}" in store.verdict(program).reason
    digest = store.trust(program)
    assert store.verdict(program) == (True, "trusted", digest)
    program.write_text("#!/bin/sh\nevil\n")
    assert not store.is_trusted(program)
    assert "changed since it was trusted" in store.verdict(program).reason
    store.trust(program)
    assert store.is_trusted(program)


def test_trust_holds_for_the_real_file_whatever_the_path(store, program, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(program)
    store.trust(link)
    assert store.is_trusted(program)
    copy = tmp_path / "copy"
    copy.write_bytes(program.read_bytes())
    assert not store.is_trusted(copy)


def test_trust_can_be_taken_back(store, program):
    store.trust(program)
    assert store.forget(program)
    assert not store.forget(program)
    assert not store.is_trusted(program)


def test_store_is_private(store, program):
    store.trust(program)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["trust.json", "trust.json.lock"]


@pytest.mark.parametrize("text", ["{ half", "[]", '{"format": 2}', '{"format": 1, "more": 1}', "\xff"])
def test_corrupt_store_trusts_nothing_and_is_not_overwritten(store, program, text):
    store.path.parent.mkdir()
    store.path.write_text(text, encoding="latin-1")
    assert not store.is_trusted(program)
    assert str(store.path) in store.verdict(program).reason
    with pytest.raises(TrustError, match=r"trust\.json"):
        store.trust(program)
    assert store.path.read_text(encoding="latin-1") == text


def test_missing_file_cannot_be_trusted(store, tmp_path):
    with pytest.raises(TrustError, match="cannot be trusted"):
        store.trust(tmp_path / "none")
    assert not store.is_trusted(tmp_path / "none")


def test_writers_at_the_same_time_lose_nothing(store, tmp_path):
    paths = []
    for number in range(8):
        path = tmp_path / f"plugin-{number}"
        path.write_text(str(number))
        paths.append(path)
    program = (
        "import sys; from pathlib import Path; from animus_plugin_runtime.trust import TrustStore\n"
        "for path in sys.argv[2:]: TrustStore(Path(sys.argv[1])).trust(Path(path))"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(store.path), *map(str, some)])
        for some in (paths[:4], paths[4:])
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert all(store.is_trusted(path) for path in paths)


def test_lock_that_stays_taken_is_given_up(tmp_path):
    with (
        locked(tmp_path / "file"),
        pytest.raises(LockTimeoutError, match="try again"),
        locked(tmp_path / "file", timeout_seconds=0.02),
    ):
        pass
    with locked(tmp_path / "file", timeout_seconds=0.02):
        pass


def test_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    from pathlib import Path

    target = tmp_path / "file"
    write_durably(target, b"old")

    def refuse(self, other):
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(OSError, match="disk"):
            write_durably(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
