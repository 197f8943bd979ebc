"""Which programs the commands of phases may be, over all layers."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding

__all__ = ["compile_allowlist"]

_Named = tuple[tuple[str | int, ...], str]


def compile_allowlist(catalog: Catalog) -> list[str] | None:
    """What all layers allow: a layer without the key allows the programs its own phases name. None: no layer has it.

    A program that is not allowed is a warning where it stands: its phase will fail, and others may still run.
    """
    if not catalog.allowlists:
        return None
    phases = catalog.sections["phases"].values()
    allowed = {program: None for programs in catalog.allowlists.values() for program in programs}
    for definition in phases:
        if definition.layer.name not in catalog.allowlists:
            allowed |= {PurePosixPath(program).name: None for _, program in _programs(definition)}
    known = {program.lower() for program in allowed}
    for definition in phases:
        for steps, program in _programs(definition):
            if PurePosixPath(program).name.lower() not in known:
                message = f"'tools_allowlist' does not have {program!r}, so this is refused when it is to run"
                finding = Finding(path=(*definition.path, *steps), message=message, severity="warning")
                catalog.report.take(finding, definition.document)
    return list(allowed)


def _programs(definition: Definition) -> Iterator[_Named]:
    """The programs that a phase names, and where."""
    shape = definition.shape
    if shape is None:
        return
    if shape.command is not None:
        yield ("command", "program"), shape.command.program
    for index, check in enumerate(shape.evals.checks if shape.evals is not None else ()):
        if check.command:
            yield ("evals", "checks", index, "command"), check.command
