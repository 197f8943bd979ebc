import pytest

from animus_provider_oai.file_tool import LIST_ENTRIES, edit_file, list_folder, read_file, write_file
from animus_provider_oai.limits import TOOL_OUTPUT_BYTES
from animus_provider_oai.worktree import Worktree, WorktreeError


@pytest.fixture
def worktree(worktree_folder):
    (worktree_folder / "a.txt").write_bytes(b"one\ntwo\nthree\n")
    return Worktree(worktree_folder)


def test_read_shows_lines_and_where_to_read_on(worktree):
    assert read_file(worktree, {"path": "a.txt"}) == "one\ntwo\nthree\n"
    assert read_file(worktree, {"path": "a.txt", "offset": 3}) == "three\n"
    shown = read_file(worktree, {"path": "a.txt", "offset": 2, "limit": 1})
    assert shown == "two\n\n[lines 2 to 2 of 3; read on with offset 3]"
    assert "nothing there" in read_file(worktree, {"path": "a.txt", "offset": 9})


def test_read_is_bounded(worktree):
    worktree.write("long", b"x" * 99 + b"\n" + b"y" * 10 * TOOL_OUTPUT_BYTES)
    assert read_file(worktree, {"path": "long"}).endswith("read on with offset 2]")
    rest = read_file(worktree, {"path": "long", "offset": 2})
    assert len(rest) < TOOL_OUTPUT_BYTES + 200
    assert rest.endswith("is cut]")


def test_read_replaces_what_is_not_text(worktree):
    worktree.write("bytes", b"a\xffb")
    assert read_file(worktree, {"path": "bytes"}) == "a�b"


def test_write_says_what_it_did(worktree):
    assert write_file(worktree, {"path": "new", "content": "ü"}) == "made new (2 bytes)"
    assert write_file(worktree, {"path": "new", "content": ""}) == "replaced new (0 bytes)"


def test_edit_replaces_one_place_and_keeps_other_bytes(worktree):
    worktree.write("bytes", b"a\xff\r\nold\n")
    assert edit_file(worktree, {"path": "bytes", "old": "old", "new": "new"}) == "edited bytes (1 place)"
    assert worktree.read("bytes") == b"a\xff\r\nnew\n"


def test_edit_replaces_all_places_when_asked(worktree):
    assert edit_file(worktree, {"path": "a.txt", "old": "e", "new": "E", "all": True}) == "edited a.txt (3 places)"
    assert worktree.read("a.txt") == b"onE\ntwo\nthrEE\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("none", "x", "does not occur"),
        ("e", "x", "occurs 3 times"),
        ("", "x", "old is empty"),
        ("one", "one", "the same"),
    ],
)
def test_edit_that_is_not_clear_changes_nothing(worktree, old, new, message):
    with pytest.raises(WorktreeError, match=message):
        edit_file(worktree, {"path": "a.txt", "old": old, "new": new})
    assert worktree.read("a.txt") == b"one\ntwo\nthree\n"


def test_list_shows_folders_links_and_depth(worktree):
    worktree.write("sub/deep/b", b"")
    worktree.write("sub/c", b"")
    (worktree.root / "link").symlink_to("/etc")
    assert list_folder(worktree, {}) == "a.txt\nlink -> /etc\nsub/"
    assert list_folder(worktree, {"path": "sub", "depth": 2}) == "c\ndeep/\ndeep/b"
    with pytest.raises(WorktreeError, match="leads outside"):
        list_folder(worktree, {"path": "link"})
    with pytest.raises(WorktreeError):
        list_folder(worktree, {"path": "a.txt"})


def test_list_is_bounded(worktree):
    (worktree.root / "many").mkdir()
    for number in range(LIST_ENTRIES + 5):
        (worktree.root / "many" / str(number)).touch()
    shown = list_folder(worktree, {"path": "many"}).splitlines()
    assert len(shown) == LIST_ENTRIES + 1
    assert "stopped after" in shown[-1]
