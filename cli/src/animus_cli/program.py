"""One run of the program: the command tree, and the boundary where every error becomes a message and an exit code."""

import os
import re
import sys
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from animus_cli.envelope import failure_line
from animus_cli.failure import INTERRUPTED, CommandError
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_object
from animus_cli.table import paragraph
from animus_cli.terminal import Screen, screen_of, use_utf8
from animus_cli.tree import command_paths, root_group
from animus_control.errors import ControlError

__all__ = ["command_error", "run", "with_next_step"]

COMPLETE_VARIABLE = "_ANIMUS_COMPLETE"
"""Set when a shell asks for words; see ``animus completion``."""
_CATEGORY_CODES = {
    "invalid_request": "invalid_input",
    "not_found": "not_found",
    "conflict": "conflict",
    "unavailable": "unavailable",
    "not_supported": "unavailable",
    "permission_denied": "internal",
    "internal": "internal",
}
_SYSTEM_ERRORS: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, "not_found"),
    (ConnectionError, "unavailable"),
    (TimeoutError, "unavailable"),
    (OSError, "internal"),
)
"""What the operating system's refusals are; the first row that matches counts."""
_NAMED_COMMAND = re.compile(r"(?:; see|with:|:) (animus [^;,]+)$")
"""The command that a plugin's message ends with."""
_LEAD_IN = re.compile(r"(?:[;,.:]\s+(?:see|[\w ]+ with:)\s*|[;,:]\s*)$")
"""What joins a message to the command at its end: ``; start one with:``."""
_CLOSED_PIPE = 0
"""The reader has seen enough (``animus workflow list | head``): nothing went wrong."""


def run(words: Sequence[str]) -> int:
    """Run the command `words` name; prints, never raises.

    Returns:
        The exit code.
    """
    use_utf8()
    invocation = Invocation()
    wish = os.environ.get(COMPLETE_VARIABLE)
    if wish:
        return shell_complete(root_group(), {"obj": invocation}, "animus", COMPLETE_VARIABLE, wish)
    try:
        return _invoke(list(words), invocation)
    except BrokenPipeError:
        # What is still buffered cannot be written either; the interpreter must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED_PIPE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: users get a message, ANIMUS_DEBUG=1 the traceback
        failed = with_next_step(command_error(error), words)
        return _report(error, failed, as_json=invocation.json or _asked_for_json(words))


def command_error(error: Exception) -> CommandError:
    """What `error` is to a user of the command line."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, ControlError):
        return _from_kernel(error)
    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx is not None else "animus"
        message = error.format_message().rstrip(".")
        return CommandError("invalid_input", message, next_step=f"{path} --help", remediation="invalid_input")
    for kind, code in _SYSTEM_ERRORS:
        if isinstance(error, kind):
            return CommandError(code, str(error) or type(error).__name__)
    return CommandError(
        "internal",
        f"this is a fault in animus: {type(error).__name__}: {error}",
        next_step="run it again with ANIMUS_DEBUG=1 to see where, and report it",
    )


def with_next_step(failed: CommandError, words: Sequence[str]) -> CommandError:
    """`failed`, which names what to type next: what it brought, or what fits its code and the command `words`."""
    remediation = json_object(failed.details.get("remediation"))
    if failed.next_step is None:
        failed.next_step = remediation.get("next_step") or remediation.get("install_command")
    if failed.next_step is None:
        place = _place_of(words)
        listing = (*place[:1], "list")
        failed.next_step = {
            "invalid_input": " ".join(("animus", *place, "--help")),
            "not_found": " ".join(("animus", *listing)) if listing in command_paths() else "animus status",
            "conflict": "animus status",
            "unavailable": "animus doctor",
            "run_failed": "animus history",
        }.get(failed.code, "run it again with ANIMUS_DEBUG=1 to see where, and report it")
    return failed


def _place_of(words: Sequence[str]) -> tuple[str, ...]:
    """The command that `words` begin with, as far as it is one."""
    named = tuple(word for word in words if not word.startswith("-"))
    known = command_paths()
    groups = {place[:depth] for place in known for depth in range(len(place) + 1)}
    return next(named[:depth] for depth in range(len(named), -1, -1) if named[:depth] in groups)


def _invoke(words: list[str], invocation: Invocation) -> int:
    group = root_group()
    try:
        with group.make_context("animus", words, obj=invocation) as context:
            answer = group.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return answer if isinstance(answer, int) else 0


def _from_kernel(error: ControlError) -> CommandError:
    details = dict(error.details)
    code = _CATEGORY_CODES[error.category]
    if code == "internal" or error.category == "not_supported":
        details["category"] = error.category
    if error.remediation:
        details["remediation"] = dict(error.remediation)
    named = _NAMED_COMMAND.search(error.message)
    help_text = error.remediation.get("next_step") or error.remediation.get("install_command")
    if help_text is None and named is not None:
        help_text = named[1]
    return CommandError(code, error.message, details=details, next_step=help_text)


def _report(error: Exception, failed: CommandError, *, as_json: bool) -> int:
    if os.environ.get("ANIMUS_DEBUG"):
        import traceback  # noqa: PLC0415 - start-up: only developers pay for it

        traceback.print_exception(error)
    try:
        if as_json:
            sys.stderr.write(failure_line(failed) + "\n")
        else:
            sys.stderr.write("\n".join(_message_lines(failed, screen_of(sys.stderr))) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    return failed.exit_code


def _message_lines(error: CommandError, screen: Screen) -> list[str]:
    first, *rest = paragraph(f"error: {_without_command(error)}", screen)
    lines = [first.replace("error:", screen.paint("error:", "red"), 1), *("  " + line for line in rest)]
    if error.next_step is not None:
        lines.append(f"{screen.paint('next:', 'bold')}  {error.next_step}")
    return lines


def _without_command(error: CommandError) -> str:
    """The message without its last part if that only names the command of the line that follows."""
    if error.next_step is None or not error.message.endswith(error.next_step):
        return error.message
    return _LEAD_IN.sub("", error.message.removesuffix(error.next_step)) or error.message


def _asked_for_json(words: Sequence[str]) -> bool:
    """Whether ``--json`` stands among the options; the parser may have failed before it came to it."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options
