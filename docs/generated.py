"""What the scripts that write pages have in common."""  # noqa: INP001 - beside scripts, not in a package

from pathlib import Path

__all__ = ["write_or_check"]


def write_or_check(page: Path, wanted: str, arguments: list[str]) -> int:
    """Write the page, or with ``--check`` say whether it is what it should be; returns the exit code."""
    if arguments == ["--check"]:
        return 0 if page.is_file() and page.read_text(encoding="utf-8") == wanted else 1
    page.write_text(wanted, encoding="utf-8")
    return 0
