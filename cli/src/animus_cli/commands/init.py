"""``init``: look at a project and write the files that let Animus run its checks. Runs nothing, needs no network."""

import click
import msgspec

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.table import facts, paragraph
from animus_cli.terminal import Screen
from animus_composition.scaffold.initialization import TEMPLATES
from animus_composition.scaffold.initialization import init as initialize
from animus_plugin_protocol.wire import control

__all__ = ["init"]

_DONE = {"write": "wrote", "rewrite": "rewrote", "keep": "kept"}
_PLANNED = {"write": "would write", "rewrite": "would rewrite", "keep": "would keep"}


@command(
    "init",
    "Set a project up: find its tests and its linter, and write three files that make them a workflow.",
    click.Option(["--plan"], is_flag=True, help="Say what would be written, and write nothing."),
    click.Option(["--force"], is_flag=True, help="Write files again that nobody has edited since they were written."),
    click.Option(
        ["--agent", "wanted"],
        type=click.Choice(TEMPLATES),
        metavar="|".join(TEMPLATES),
        help="Which coding agent does the work; the first one found if left out. script: a program of yours.",
    ),
)
def init(invocation: Invocation, *, plan: bool, force: bool, wanted: str | None) -> None:
    """Detect, write (unless only a plan is wanted), and say what is missing."""
    done = initialize(invocation.project(), control.ProjectInitParams(template=wanted, yes=not plan, force=force))
    words = _PLANNED if plan else _DONE
    record = {name: msgspec.to_builtins(getattr(done, name)) for name in done.__struct_fields__}
    record |= {"planned_only": plan, "files": [_file(file) for file in done.files]}
    invocation.show(record, lambda screen: _lines(done, words, screen))


def _file(file: control.ProjectFile) -> dict[str, str]:
    return {"path": file.path, "action": file.action, "reason": file.reason}


def _lines(done: control.ProjectInitResult, words: dict[str, str], screen: Screen) -> list[str]:
    lines = facts(
        [
            ("project", done.project_root),
            ("tests", _found(done.tests)),
            ("linter", _found(done.linter)),
            ("agent", done.tool or ("none found" if done.agent is None else done.agent[0])),
        ],
        screen,
    )
    lines.append("")
    for file in done.files:
        lines.append(f"{words[file.action]} {file.path}" + (f" ({file.reason})" if file.reason else ""))
    if done.missing:
        lines += ["", *(line for sentence in done.missing for line in paragraph(f"- {sentence}", screen))]
    return [*lines, "", *(f"next: {step}" for step in done.next)]


def _found(check: control.ProjectCheck | None) -> str:
    return "none found" if check is None else f"{' '.join(check.command)} (because of {check.because_of})"
