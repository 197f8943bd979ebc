"""What pytest loads by itself: a summary that counts requirements that do not apply apart from skipped tests."""

import pytest

__all__ = ["pytest_terminal_summary"]

_MARK = "not applicable: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many requirements did not concern the plugins under test."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(_MARK in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"conformance: {count} requirements not applicable (among the skipped)")
