"""``workflow config`` commands."""

import msgspec

from animus_cli.table import paragraph
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.config_source import ConfigDiagnostic
from animus_plugin_protocol.wire.control import ConfigValidateResult, WorkflowConfigResult

__all__ = ["definitions", "findings"]


def findings(result: ConfigValidateResult, screen: Screen) -> list[str]:
    """A line per finding in the form editors know, then what can be run."""
    lines: list[str] = []
    for finding in result.diagnostics:
        head, *rest = finding.message.splitlines() or [""]
        lines.append(f"{_place(finding)}{screen.status(finding.severity)}: {clean(head)}")
        lines += ["    " + clean(line) for line in rest]
    errors = sum(finding.severity == "error" for finding in result.diagnostics)
    warnings = len(result.diagnostics) - errors
    verdict = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
    lines.append(verdict if result.diagnostics else "The workflow files are good.")
    runnable = (
        f"Workflows: {', '.join(result.workflows)}" if result.workflows else "There is no workflow that can be run."
    )
    has_nothing = not result.workflows and not errors
    return [*lines, *paragraph(runnable, screen), *(["next: animus init"] if has_nothing else [])]


def _place(finding: ConfigDiagnostic) -> str:
    if finding.file is None:
        return ""
    position = "".join(f":{number}" for number in (finding.line, finding.column) if number is not None)
    return clean(f"{finding.file}{position}:") + " "


def definitions(result: WorkflowConfigResult, _screen: Screen) -> list[str]:
    """The compiled definitions, as JSON."""
    text = msgspec.json.format(msgspec.json.encode(result.config), indent=2).decode()
    return ["".join(letter if letter.isprintable() else " " for letter in line) for line in text.splitlines()]
