"""What changed since the last report that was taken."""

import pytest

from animus_trigger_file import watching
from animus_trigger_file.watching import TooManyFilesError, Watch, scan

A, B = {"a": (1, 1)}, {"a": (2, 1), "b": (1, 1)}


def test_first_look_is_the_baseline_and_reports_nothing():
    watch = Watch(None, 5)
    assert watch.look(0, A) is None
    assert watch.look(100, A) is None
    assert watch.baseline == A


def test_change_is_reported_once_the_files_have_come_to_rest():
    watch = Watch(A, 5)
    assert watch.look(0, B) is None
    assert watch.look(4, {**B, "c": (1, 1)}) is None
    assert watch.look(8, {**B, "c": (1, 1)}) is None
    report = watch.look(9, {**B, "c": (1, 1)})
    assert (report.created, report.modified, report.deleted) == (["b", "c"], ["a"], [])


def test_change_that_is_undone_in_time_is_none():
    watch = Watch(A, 5)
    assert watch.look(0, B) is None
    assert watch.look(3, A) is None
    assert watch.look(100, A) is None


def test_report_has_one_id_until_it_is_taken_and_then_is_over():
    watch = Watch(A, 0)
    first = watch.look(0, B)
    assert watch.look(10, B) == first
    assert Watch(A, 0).look(99, B).event_id == first.event_id
    assert not watch.take("another")
    assert watch.take(first.event_id)
    assert watch.look(20, B) is None
    assert watch.look(30, A).deleted == ["b"]


def test_report_that_was_overtaken_is_not_taken():
    watch = Watch(A, 0)
    first = watch.look(0, B)
    watch.look(1, {})
    assert not watch.take(first.event_id)
    assert watch.look(2, {}).deleted == ["a"]


def test_scan_follows_patterns_and_leaves_out_what_is_ignored(tmp_path):
    for name in ("src/a.py", "src/deep/b.py", "src/c.txt", "src/gen/d.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "src" / "dir.py").mkdir()
    assert set(scan(tmp_path, ["src/**/*.py", "src/*.py"], ["src/gen/*"])) == {"src/a.py", "src/deep/b.py"}


def test_scan_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "FILES_LIMIT", 2)
    for number in range(4):
        (tmp_path / str(number)).touch()
    with pytest.raises(TooManyFilesError, match="more than 2 files"):
        scan(tmp_path, ["*"], [])
