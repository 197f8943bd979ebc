"""The transcript of a damaged journal in the documents is what the queue says."""

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("corrupt_journal", Path(__file__).with_name("corrupt_journal.py"))
corrupt_journal = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(corrupt_journal)

PAGE = Path(__file__).parents[4] / "docs" / "corrupt-journal-queue.md"


def test_the_transcript_is_what_the_queue_says(tmp_path):
    assert corrupt_journal.page(tmp_path) == PAGE.read_text()
