"""What a pack gives to the configuration: its ``pack.toml``, read for the files and exports it names.

Keys of the manifest that are the host's business (compatibility, dependencies, projection, ...) are left to it.
"""

from pathlib import Path as FilePath
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.checking import Finding, convert
from animus_workflow_runner_default.authoring.diagnostics import Position
from animus_workflow_runner_default.authoring.document import MAX_FILE_BYTES
from animus_workflow_runner_default.authoring.report import Report

__all__ = ["PACK_SCHEMA", "Pack", "PackManifest", "read_manifest"]

PACK_SCHEMA = "animus.pack.v1"


class Pack(msgspec.Struct, frozen=True):
    """A resolved pack: where its ``pack.toml`` lies and which rung it comes from."""

    id: str
    version: str
    root: str
    source: str = "bundled"
    """``bundled``, ``installed`` or ``project``."""


class WorkflowsTable(msgspec.Struct, frozen=True):
    """``[workflows]``: only what is exported can be named from outside the pack."""

    exports: list[str]
    root: str = "workflows"


class RuntimeTable(msgspec.Struct, frozen=True):
    """``[runtime]``: files of agents and phases, in the form of any workflow file."""

    agent_overlay: str | None = None
    workflow_overlay: str | None = None
    requirements: Any = None


class SchedulesTable(msgspec.Struct, frozen=True):
    """``[schedules]``."""

    file: str


class PermissionsTable(msgspec.Struct, frozen=True):
    """``[permissions]``: what the pack may ask for."""

    tools: list[str] = []
    mcp_namespaces: list[str] = []


class PackManifest(msgspec.Struct, frozen=True, kw_only=True):
    """``pack.toml``."""

    schema: str
    id: str
    version: str
    kind: str | None = None
    title: str | None = None
    description: str | None = None
    workflows: WorkflowsTable | None = None
    runtime: RuntimeTable = RuntimeTable()
    schedules: SchedulesTable | None = None
    permissions: PermissionsTable = PermissionsTable()
    ownership: Any = None
    compatibility: Any = None
    subjects: Any = None
    projection: Any = None
    skills: Any = None
    mcp: Any = None
    native_module: Any = None
    dependencies: Any = None
    requires_plugins: Any = None
    secrets: Any = None

    def files(self) -> list[str]:
        """The single files it names, relative to its root."""
        named = [self.runtime.agent_overlay, self.runtime.workflow_overlay]
        named += [self.schedules.file] if self.schedules is not None else []
        return [name for name in named if name is not None]


def read_manifest(pack: Pack, report: Report) -> PackManifest | None:
    """Read and check the manifest of a pack; None (and an error in the report) if it cannot be used."""
    import tomllib  # noqa: PLC0415 - only a project with packs pays for the import

    path = FilePath(pack.root) / "pack.toml"
    try:
        content = path.read_bytes()[: MAX_FILE_BYTES + 1]
        text = content.decode()
        data = tomllib.loads(text)
    except OSError as error:
        report.add(f"pack {pack.id!r} cannot be read: {error.strerror}", Position(str(path)))
        return None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        report.add(f"pack {pack.id!r}: not TOML: {error}", Position(str(path)))
        return None
    manifest, findings = convert(data, PackManifest, ())
    findings += _check(manifest, pack) if manifest is not None else []
    for finding in findings:
        report.add(finding.message, _position(path, text, finding))
    return None if findings else manifest


def _check(manifest: PackManifest, pack: Pack) -> list[Finding]:
    findings: list[Finding] = []
    if manifest.schema != PACK_SCHEMA:
        findings.append(Finding(path=("schema",), message=f"'schema' is {manifest.schema!r}, not {PACK_SCHEMA!r}"))
    if manifest.id != pack.id:
        findings.append(Finding(path=("id",), message=f"'id' is {manifest.id!r}, but the pack is known as {pack.id!r}"))
    for export in manifest.workflows.exports if manifest.workflows else []:
        if not export.startswith(f"{manifest.id}/"):
            message = f"the export {export!r} does not begin with the pack's id, {manifest.id + '/'!r}"
            findings.append(Finding(path=("workflows", "exports", export), message=message))
    return findings


def _position(path: FilePath, text: str, finding: Finding) -> Position:
    """TOML has no positions: the first line with the last name of the path is close enough."""
    name = next((step for step in reversed(finding.path) if isinstance(step, str)), "")
    for number, line in enumerate(text.splitlines(), 1):
        if name and name in line:
            return Position(str(path), number, line.index(name) + 1)
    return Position(str(path))
