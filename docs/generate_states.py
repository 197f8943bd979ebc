"""Writes docs/stuck-states.md from the table behind ``animus why``: ``python docs/generate_states.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import sys
from pathlib import Path

from generated import write_or_check

from animus_cli.causes.states import STATES, State

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("stuck-states.md")

_HEAD = """\
<!-- Written by docs/generate_states.py from animus_cli.causes.states; change that, then run it again. -->
# Every answer of `animus why`

`animus why TARGET` takes a subject (`task:TASK-001`), an entry, a run, or a schedule (`schedule:nightly`), and prints
every row below that holds, the one that has to change first at the top, with the particulars. With `--json` each has
its `state`, `cause`, `owner` and `command`. [What to do about each](when-something-is-stuck.md).

`tests/e2e/why/` brings every row but `next` about with a real daemon and real plugins (a held entry, a killed runner, a
missing program, a dirty checkout), runs the command that is told, and looks whether the work went on.

| state | what it means | who acts | command |
|---|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    return _HEAD + "".join(_row(state) for state in STATES)


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


def _row(state: State) -> str:
    return f"| `{state.name}` | {state.about} | {state.owner} | {_command(state.command)} |\n"


def _command(template: str | None) -> str:
    if template is None:
        return ""
    if template == "{freeing}":
        return "the one that the run names"
    text = template
    for name in ("run", "entry", "subject", "schedule", "workflow", "busy", "untrusted"):
        text = text.replace("{" + name + "}", {"busy": "RUN", "untrusted": "FILE"}.get(name, name.upper()))
    return f"`{text.replace('{about}', '--subject SUBJECT')}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
