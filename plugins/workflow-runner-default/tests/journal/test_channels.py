"""What agents wrote to each other: per channel, bounded, once per attempt."""

import pytest

from animus_workflow_runner_default.journal import channels
from animus_workflow_runner_default.journal.channels import all_messages, post, read_channel
from animus_workflow_runner_default.journal.journal import Journal


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "workflow.db")
    yield journal
    journal.close()


def texts(journal, channel, limit=10):
    return [(message.sender, message.text) for message in read_channel(journal, channel, limit)]


def test_messages_are_read_in_order_per_channel(journal):
    assert all_messages(journal) == {}
    post(journal, [("c", "one"), ("d", "other")], sender="a", source="r/p/1", moment="t1")
    post(journal, [("c", "two")], sender="b", source="r/q/1", moment="t2")
    assert texts(journal, "c") == [("a", "one"), ("b", "two")]
    assert texts(journal, "c", 1) == [("b", "two")]
    assert {name: len(said) for name, said in all_messages(journal).items()} == {"c": 2, "d": 1}
    assert read_channel(journal, "d", 1) == [("a", "other", "r/p/1", "t1")]


def test_attempt_that_is_told_again_posts_nothing_twice(journal):
    for source in ("r/p/1", "r/p/1", "r/p/2"):
        post(journal, [("c", "one")], sender="a", source=source, moment="t")
    assert texts(journal, "c") == [("a", "one"), ("a", "one")]


def test_channel_forgets_the_oldest(journal, monkeypatch):
    monkeypatch.setattr(channels, "KEPT_MESSAGES", 2)
    post(journal, [("c", str(number)) for number in range(5)], sender="a", source="s", moment="t")
    assert texts(journal, "c") == [("a", "3"), ("a", "4")]
