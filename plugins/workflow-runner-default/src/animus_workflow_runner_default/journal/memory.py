"""What agents remember in this project: a list of texts per agent, the oldest forgotten first."""

from collections.abc import Sequence

from animus_workflow_runner_default.journal.journal import Journal

__all__ = ["read_memory", "remember"]

_TABLE = """
CREATE TABLE IF NOT EXISTS runner_agent_memory (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
    created_at TEXT NOT NULL, UNIQUE (agent, source, text))
"""


def read_memory(journal: Journal, agent: str, limit: int) -> list[str]:
    """The latest `limit` texts of an agent, oldest first."""
    journal.connection.execute(_TABLE)
    query = "SELECT text FROM runner_agent_memory WHERE agent = ? ORDER BY seq DESC LIMIT ?"
    return [str(row[0]) for row in reversed(journal.connection.execute(query, (agent, limit)).fetchall())]


def remember(journal: Journal, agent: str, texts: Sequence[str], *, source: str, moment: str, keep: int) -> None:
    """Add texts; the same text of the same source counts once, so that an attempt may be told again after a crash.

    Args:
        journal: where.
        agent: whose memory.
        texts: in order.
        source: the attempt they come from.
        moment: when.
        keep: how many the agent keeps.
    """
    run = journal.connection.execute
    run(_TABLE)
    for text in texts:
        run(
            "INSERT OR IGNORE INTO runner_agent_memory (agent, text, source, created_at) VALUES (?, ?, ?, ?)",
            (agent, text, source, moment),
        )
    run(
        "DELETE FROM runner_agent_memory WHERE agent = ? AND seq NOT IN"
        " (SELECT seq FROM runner_agent_memory WHERE agent = ? ORDER BY seq DESC LIMIT ?)",
        (agent, agent, keep),
    )
