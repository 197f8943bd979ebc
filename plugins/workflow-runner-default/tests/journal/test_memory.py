"""What agents remember: the oldest goes, the same thing of one attempt counts once."""

from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.memory import read_memory, remember


def test_memory_is_per_agent_bounded_and_written_once(tmp_path):
    journal = Journal(tmp_path / "workflow.db")
    try:
        assert read_memory(journal, "a", 10) == []
        for source in ("r1/p/1", "r1/p/1", "r2/p/1"):
            remember(journal, "a", ["one", "two"], source=source, moment="t", keep=3)
        remember(journal, "b", ["other"], source="r1/p/1", moment="t", keep=3)
        assert read_memory(journal, "a", 10) == ["two", "one", "two"]
        assert read_memory(journal, "a", 1) == ["two"]
        assert read_memory(journal, "b", 10) == ["other"]
    finally:
        journal.close()
