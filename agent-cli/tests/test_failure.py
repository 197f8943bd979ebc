import pytest

from animus_agent_cli.failure import FailureRow, classify


@pytest.mark.parametrize(
    ("text", "status", "failure", "category"),
    [
        ("API Error: Request rejected (429) · slow down [rate_limit]", 429, "provider_exhaustion", "run_failed"),
        ("Credit balance is too low [billing_error]", 400, "provider_exhaustion", "run_failed"),
        ("You've hit your weekly limit", None, "provider_exhaustion", "run_failed"),
        ("exceeded your current quota", None, "provider_exhaustion", "run_failed"),
        ("Invalid API key · Fix external API key", 401, "auth", "unavailable"),
        ("Not logged in · Please run /login", None, "auth", "unavailable"),
        ("unexpected status 401 Unauthorized", None, "auth", "unavailable"),
        (
            "There's an issue with the selected model (x). It may not exist",
            404,
            "target_unavailable",
            "model_not_supported",
        ),
        ("The model `gpt-0` does not exist", None, "target_unavailable", "model_not_supported"),
        ("API Error: 529 Overloaded", 529, "transient", "run_failed"),
        ("API Error: Connection refused (ECONNREFUSED)", None, "transient", "run_failed"),
        ("stream disconnected before completion", None, "transient", "run_failed"),
        ("error: unknown option '--session-id'", None, "target_unavailable", "unavailable"),
        ("No conversation found with session ID: 1", None, "unknown", "session_start_failed"),
        ("Error: Session ID 1 is already in use.", None, "unknown", "session_start_failed"),
        ("something else", None, "unknown", "run_failed"),
        ("", None, "unknown", "run_failed"),
    ],
)
def test_failure_is_classified_by_status_then_words(text, status, failure, category):
    found = classify(text, status=status)
    assert (found.failure, found.category, found.message) == (failure, category, text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 20s.", 20),
        ("try again in 1.5 minutes", 90),
        ("try again in 340ms", 0.34),
        ('{"retry-after": 7}', 7),
        ("retry after 12 seconds", 12),
        ("resets in 2h", 7200),
        ("resets in 400d", None),
        ("nothing said", None),
    ],
)
def test_moment_of_the_next_try_is_found_in_the_words(text, seconds):
    assert classify(text).retry_after_seconds == seconds


def test_what_the_agent_says_about_the_next_try_beats_the_words():
    assert classify("try again in 20s", retry_after_seconds=3.0).retry_after_seconds == 3.0
    assert classify("x", retry_after_seconds=-1.0).retry_after_seconds is None


def test_rows_of_an_agent_go_first():
    rows = (FailureRow("transient", pattern="credit balance"),)
    assert classify("Credit balance is too low", rows=rows).failure == "transient"


def test_only_the_end_of_a_flood_is_looked_at():
    assert classify("invalid api key" + "x" * 1_000_000).failure == "unknown"
