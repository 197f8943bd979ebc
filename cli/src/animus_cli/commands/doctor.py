"""``doctor``: what is wrong here, and the command that mends each thing."""

from collections.abc import Callable
from typing import Any

from animus_cli.commands.plain import command
from animus_cli.diagnosis.agents import ask_providers, check_environment, tools_named
from animus_cli.diagnosis.definitions import check_definitions, check_git
from animus_cli.diagnosis.finding import Finding
from animus_cli.diagnosis.installation import check_project
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.table import paragraph
from animus_cli.terminal import Screen
from animus_composition.assembly import assemble
from animus_control.errors import ControlError
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire.control import EmptyParams, WorkflowConfigResult

__all__ = ["doctor"]


@command("doctor", "Check this project and this installation; ends with 5 if something is broken.")
def doctor(invocation: Invocation) -> None:
    """Print all findings; an error among them makes the command fail."""
    project = invocation.project()
    findings = [*check_project(project), *check_git(project)]
    if not any(finding.severity == "error" for finding in findings):  # else the plugins cannot be asked

        def ask(name: str, params: Any) -> Any:
            return invocation.call(OPERATIONS[name], params, project=project)

        findings += check_definitions(project, ask)
        assembly, tools = assemble(project), _tools(ask)
        findings += [*check_environment(assembly, tools), *ask_providers(assembly, ask, tools)]
    record = {"findings": [finding._asdict() for finding in findings]}
    broken = [finding for finding in findings if finding.severity == "error"]
    if not broken or not invocation.json:
        invocation.show(record, lambda screen: _lines(findings, screen))
    if broken:
        raise _failed(broken, record)


def _tools(ask: Callable[[str, Any], Any]) -> frozenset[str]:
    """The tools that the project's definitions name; none where they cannot be compiled, which is said elsewhere."""
    try:
        compiled: WorkflowConfigResult = ask("workflow/config/get", EmptyParams())
    except ControlError:
        return frozenset()
    return tools_named(compiled.config)


def _lines(findings: list[Finding], screen: Screen) -> list[str]:
    lines: list[str] = []
    for finding in findings:
        first, *rest = paragraph(f"{finding.severity:<8}{finding.message}", screen, indent="")
        lines.append(first.replace(finding.severity, screen.status(finding.severity), 1))
        lines += ["        " + line for line in rest]
        if finding.fix_command and finding.severity != "ok":
            lines.append(f"        next: {finding.fix_command}")
    return lines


def _failed(broken: list[Finding], record: dict[str, Any]) -> CommandError:
    count = f"{len(broken)} checks fail" if len(broken) > 1 else "1 check fails"
    named = ", ".join(finding.id for finding in broken)
    fix = next((finding.fix_command for finding in broken if finding.fix_command), None)
    return CommandError("unavailable", f"{count}: {named}", details=record, next_step=fix)
