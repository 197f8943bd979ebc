"""The command ``animus-conformance``.

Exit codes: 0 every check passed or did not concern the plugin, 1 a check failed or an expected failure is stale,
2 the command line or the plugin's command is wrong, 3 the harness failed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from animus_conformance.budget import budgets
from animus_conformance.choice import ChoiceError, chosen_requirements, command_of_entry_point
from animus_conformance.expectation import ExpectationError, expected_outcome, load_expectations
from animus_conformance.export import export_text
from animus_conformance.report import Report
from animus_conformance.requirement import CheckFailedError, Requirement, Status
from animus_conformance.suite import run_checks

__all__ = ["EXIT_FAILED", "EXIT_HARNESS", "EXIT_PASSED", "EXIT_USAGE", "main"]

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_HARNESS: Final = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.action == "export":
            _say(export_text().rstrip("\n"))
            return EXIT_PASSED
        wanted = chosen_requirements(arguments.only, arguments.kind)
        if arguments.action == "list" or arguments.list:
            return _list(wanted)
        return _run(arguments, wanted)
    except (ChoiceError, ExpectationError) as error:
        return _complain(str(error))


def _list(wanted: Sequence[Requirement]) -> int:
    for requirement in wanted:
        _say(f"{requirement.suite:18} {requirement.id:36} {requirement.text}")
    return EXIT_PASSED


def _run(arguments: argparse.Namespace, wanted: Sequence[Requirement]) -> int:
    command: list[str] = arguments.command
    if arguments.entry_point is not None:
        command = command_of_entry_point(arguments.entry_point)
    if not command:
        return _complain("no plugin is named: animus-conformance run -- ./my-plugin, or --entry-point NAME")
    expected = load_expectations(arguments.expected) if arguments.expected else {}
    report = Report(command, {requirement.id: requirement for requirement in wanted})
    try:
        for outcome in run_checks(command, wanted):
            report.outcomes.append(expected_outcome(outcome, expected))
            if not arguments.json:
                _say(report.line(report.outcomes[-1]))
    except OSError as error:
        return _complain(f"cannot start {command[0]!r}: {error.strerror or error}")
    measured = _measured(command, report) if arguments.budgets else None
    if arguments.junit:
        arguments.junit.write_text(report.as_junit(), encoding="utf-8")
    _say(report.as_json(measured) if arguments.json else report.summary())
    if measured is not None and not arguments.json:
        _say(f"cold start {measured['cold_start_ms']} ms, {measured['resident_kib']} KiB resident")
        for method, milliseconds in measured["p99_ms"].items():
            _say(f"p99 {milliseconds:10.3f} ms  {method} ({measured['calls'][method]} calls)")
    return _exit_code(report)


def _measured(command: list[str], report: Report) -> dict[str, Any] | None:
    try:
        return budgets(command, report.outcomes)
    except (CheckFailedError, OSError) as error:  # what was found before stands without it
        _complain(f"not measured: {error}")
        return None


def _exit_code(report: Report) -> int:
    if report.is_good:
        return EXIT_PASSED
    only_harness = all(outcome.status.is_good or outcome.status is Status.HARNESS_ERROR for outcome in report.outcomes)
    return EXIT_HARNESS if only_harness else EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="animus-conformance", description="Does a plugin keep the Animus protocol?")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("export", help="print method table, types, error codes and requirements as one JSON object")
    listing = actions.add_parser("list", help="name the requirements")
    run = actions.add_parser("run", help="check a plugin: animus-conformance run -- ./plugin [arguments]")
    for action in (listing, run):
        action.add_argument("--only", action="append", default=[], metavar="ID", help="this requirement (repeatable)")
        action.add_argument(
            "--kind", action="append", default=[], metavar="KIND", help="this kind or suite (repeatable)"
        )
    run.add_argument("--list", action="store_true", help="name the requirements instead of checking them")
    run.add_argument("--entry-point", metavar="NAME", help="an installed plugin instead of a command")
    run.add_argument("--expected", type=Path, metavar="FILE", help="TOML file of expected failures")
    run.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    run.add_argument("--junit", type=Path, metavar="FILE", help="also write JUnit XML")
    run.add_argument("--budgets", action="store_true", help="also measure cold start, memory and p99")
    run.add_argument("command", nargs="*", help="the command that starts the plugin")
    return parser


def _complain(text: str) -> int:
    print(text, file=sys.stderr)  # noqa: T201 - a command line's answer
    return EXIT_USAGE


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is a command line


if __name__ == "__main__":
    sys.exit(main())
