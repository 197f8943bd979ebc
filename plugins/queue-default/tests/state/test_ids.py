"""Ids are indexed a part at a time, and nobody notices."""

import pytest

from animus_queue_default.state.ids import EntryIds, pack_ids


@pytest.fixture
def ids():
    index = EntryIds()
    for part in range(3):
        names = [f"e{10 * part + row}" for row in range(10)]
        index.add_part(pack_ids(names), range(10 * part, 10 * part + 10))
    return index


def test_an_id_is_found_before_its_part_was_read(ids):
    assert [ids.get(f"e{number}") for number in (0, 15, 29)] == [0, 15, 29]
    assert ids.get("e30") is None


@pytest.mark.parametrize("parts", range(4))
def test_what_has_gone_stays_gone_whenever_its_part_is_read(ids, parts):
    ids.add("e4", 4)
    for _ in range(parts):
        ids.read_part()
    for name in ("e4", "e14", "e24"):
        ids.remove(name)
    while ids.read_part():
        pass
    assert [name for name in ("e3", "e4", "e14", "e24", "e25") if name in ids] == ["e3", "e25"]


def test_an_id_that_is_known_already_has_nothing_indexed(ids):
    ids.add("e4", 4)
    assert ids.get("e4") == 4
    assert ids.read_part()
