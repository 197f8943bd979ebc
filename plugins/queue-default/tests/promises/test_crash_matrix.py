"""The kill matrix in the documents is what the queue does: a part of it in every run, all of it in the tier soak."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("crash_matrix", Path(__file__).with_name("crash_matrix.py"))
crash_matrix = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(crash_matrix)

PAGE = Path(__file__).parents[4] / "docs" / "crash-matrix-queue.md"
SAMPLE = [
    ("before-append", "keyed enqueue"),
    ("mid-append", "lease"),
    ("before-fsync", "release_pending"),
    ("after-fsync", "completion"),
    ("mid-compaction", "reorder"),
    ("between-history-and-state", "hold"),
    ("before-seal", "drop"),
    ("after-seal", "lease"),
    ("mid-merge", "completion"),
    ("after-merge", "drop"),
    ("before-founding", "enqueue"),
    ("mid-founding", "hold"),
]


@pytest.fixture
def matrix(tmp_path):
    return crash_matrix.Matrix(tmp_path)


def documented():
    """The cells of the page."""
    rows = [line.strip("| \n").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    (_, *operations), *body = [[cell.strip() for cell in row] for row in rows]
    return {
        (point, operation): Counter({kind: int(count) for kind, count in re.findall(r"([a-z ]+?) (\d+)", cell)})
        for point, *cells in body
        for operation, cell in zip(operations, [*cells, *[""] * (len(operations) - len(cells))], strict=True)
        if cell
    }


def test_the_page_has_every_cell_and_its_own_sums():
    cells = documented()
    assert set(cells) == set(crash_matrix.cells())
    assert crash_matrix.render(cells) == PAGE.read_text()
    assert all(sum(cell.values()) == len(crash_matrix.counts(point)) for (point, _), cell in cells.items())


@pytest.mark.parametrize(("point", "operation"), SAMPLE)
def test_a_cell_is_as_documented(matrix, point, operation):
    assert matrix.run(point, operation, 1) in documented()[point, operation]


@pytest.mark.soak
@pytest.mark.parametrize(("point", "operation"), crash_matrix.cells())
def test_every_cell_is_as_documented(matrix, point, operation):
    assert matrix.cell(point, operation) == documented()[point, operation]
