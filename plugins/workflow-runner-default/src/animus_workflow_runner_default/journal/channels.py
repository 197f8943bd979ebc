"""What agents of this project wrote to each other: the newest messages of each channel."""

from collections.abc import Sequence
from typing import NamedTuple

from animus_workflow_runner_default.journal.journal import Journal

__all__ = ["KEPT_MESSAGES", "Message", "all_messages", "post", "read_channel"]

KEPT_MESSAGES = 1_000
"""How many messages a channel keeps; the oldest go first."""
_TABLE = """
CREATE TABLE IF NOT EXISTS runner_agent_message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,
    source TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (channel, sender, source, text))
"""


class Message(NamedTuple):
    """One message; `source` is the attempt it comes from."""

    sender: str
    text: str
    source: str
    created_at: str


def read_channel(journal: Journal, channel: str, limit: int) -> list[Message]:
    """The latest `limit` messages of a channel, oldest first."""
    journal.connection.execute(_TABLE)
    query = (
        "SELECT sender, text, source, created_at FROM runner_agent_message WHERE channel = ? ORDER BY seq DESC LIMIT ?"
    )
    return [Message(*row) for row in reversed(journal.connection.execute(query, (channel, limit)).fetchall())]


def all_messages(journal: Journal) -> dict[str, list[Message]]:
    """Everything that is kept, by channel, oldest first."""
    journal.connection.execute(_TABLE)
    query = "SELECT DISTINCT channel FROM runner_agent_message ORDER BY channel"
    names = [str(row[0]) for row in journal.connection.execute(query).fetchall()]
    return {name: read_channel(journal, name, KEPT_MESSAGES) for name in names}


def post(journal: Journal, messages: Sequence[tuple[str, str]], *, sender: str, source: str, moment: str) -> None:
    """Add messages; the same of one source counts once, so that an attempt may be told again after a crash.

    Args:
        journal: where.
        messages: channel and text, in order.
        sender: whose.
        source: the attempt they come from.
        moment: when.
    """
    run = journal.connection.execute
    run(_TABLE)
    for channel, text in messages:
        run(
            "INSERT OR IGNORE INTO runner_agent_message (channel, sender, text, source, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (channel, sender, text, source, moment),
        )
    for channel in {channel for channel, _ in messages}:
        run(
            "DELETE FROM runner_agent_message WHERE channel = ? AND seq NOT IN"
            " (SELECT seq FROM runner_agent_message WHERE channel = ? ORDER BY seq DESC LIMIT ?)",
            (channel, channel, KEPT_MESSAGES),
        )
