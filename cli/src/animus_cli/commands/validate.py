"""``workflow config validate``: the findings, and a failure if one of them is an error, so that a pipeline stops."""

import msgspec

from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.render import lines_for
from animus_control.operations import Operation
from animus_plugin_protocol.wire.config_source import ConfigDiagnostic
from animus_plugin_protocol.wire.control import ConfigValidateResult, EmptyParams

__all__ = ["run"]


def run(invocation: Invocation, operation: Operation, params: EmptyParams) -> None:
    """Print the findings.

    Raises:
        CommandError: there are errors among them.
    """
    result: ConfigValidateResult = invocation.call(operation, params)
    errors = [finding for finding in result.diagnostics if finding.severity == "error"]
    if not errors or not invocation.json:
        invocation.show(result, lambda screen: lines_for(operation.name, result, screen))
    if errors:
        count = f"{len(errors)} error{'s' * (len(errors) > 1)}"
        raise CommandError(
            "invalid_input",
            f"the workflow files have {count}" + (f", first: {_text(errors[0])}" if invocation.json else ""),
            details=msgspec.to_builtins(result),
            next_step="change the files, then: animus workflow config validate",
            remediation="invalid_input",
        )


def _text(finding: ConfigDiagnostic) -> str:
    place = ":".join(str(part) for part in (finding.file, finding.line, finding.column) if part is not None)
    return f"{place}: {finding.message}"
