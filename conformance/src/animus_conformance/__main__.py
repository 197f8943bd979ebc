"""The command ``animus-conformance``.

Exit codes: 0 every check passed or was skipped, 1 a check failed, 2 the command line or the plugin's command is wrong.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Final

from animus_conformance.requirement import Outcome, Requirement, Status
from animus_conformance.suite import REQUIREMENTS, run_checks

__all__ = ["EXIT_FAILED", "EXIT_PASSED", "EXIT_USAGE", "main"]

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.action == "list":
        for requirement in REQUIREMENTS:
            _say(f"{requirement.id:28} {requirement.text}")
        return EXIT_PASSED
    wanted = _chosen(arguments.only)
    if isinstance(wanted, str):
        print(wanted, file=sys.stderr)  # noqa: T201 - a command line's answer
        return EXIT_USAGE
    return _run(arguments.command, wanted, as_json=arguments.json)


def _run(command: Sequence[str], wanted: Sequence[Requirement], *, as_json: bool) -> int:
    outcomes: list[Outcome] = []
    try:
        for outcome in run_checks(command, wanted):
            outcomes.append(outcome)
            if not as_json:
                _say(f"{outcome.status:8} {outcome.requirement_id:28} {outcome.detail}".rstrip())
    except OSError as error:
        print(f"cannot start {command[0]!r}: {error.strerror or error}", file=sys.stderr)  # noqa: T201 - as above
        return EXIT_USAGE
    counts = {status.value: sum(outcome.status is status for outcome in outcomes) for status in Status}
    if as_json:
        _say(json.dumps({**counts, "outcomes": [outcome._asdict() for outcome in outcomes]}))
    else:
        _say(", ".join(f"{count} {status}" for status, count in counts.items()))
    return EXIT_FAILED if counts[Status.FAILED] else EXIT_PASSED


def _chosen(only: Sequence[str]) -> Sequence[Requirement] | str:
    """The requirements to check, or what is wrong with the choice."""
    known = {requirement.id: requirement for requirement in REQUIREMENTS}
    unknown = [name for name in only if name not in known]
    if unknown:
        return f"unknown requirement {unknown[0]!r}; `animus-conformance list` names them all"
    return [known[name] for name in only] or REQUIREMENTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="animus-conformance", description="Does a plugin keep the Animus protocol?")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="name the requirements")
    run = actions.add_parser("run", help="check a plugin: animus-conformance run -- ./plugin [arguments]")
    run.add_argument(
        "--only", action="append", default=[], metavar="ID", help="check this requirement only (repeatable)"
    )
    run.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    run.add_argument("command", nargs="+", help="the command that starts the plugin")
    return parser


def _say(text: str) -> None:
    print(text)  # noqa: T201 - this is a command line


if __name__ == "__main__":
    sys.exit(main())
