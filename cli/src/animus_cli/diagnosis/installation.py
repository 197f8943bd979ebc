"""Findings about a project and this machine that need no plugin."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

from animus_cli.diagnosis.finding import Finding
from animus_composition.assembly import Assembly, assemble
from animus_composition.flavor import install_command, missing_distributions
from animus_composition.roles import REQUIRED_ROLES
from animus_composition.settings import load_settings
from animus_control.endpoint import socket_path
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_kernel.serving.instance import instance_holder, orphans_of

__all__ = ["Finding", "check_project"]


def check_project(project: Project) -> list[Finding]:
    """Look at everything that can be looked at without starting a plugin."""
    findings = [*_check_machine(project), *_check_state(project)]
    try:
        load_settings(project)
        assembly = assemble(project)
    except ControlError as error:
        return [*findings, Finding("project", "error", error.message, error.remediation.get("install_command"))]
    return [*findings, *_check_assembly(assembly)]


def _check_machine(project: Project) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"Python {version} at {sys.executable}")
    if os.getuid() == 0:
        yield Finding("user", "warning", "running as root: agents and commands of workflows run as root too")
    if shutil.which("git") is None:
        message = "the program 'git' is not on PATH: workflows that use worktrees or merge cannot run"
        yield Finding("git", "warning", message)
    elif not (project.root / ".git").exists():
        message = f"{str(project.root)!r} is no git repository: workflows that use worktrees or merge cannot run"
        yield Finding("git", "warning", message, "git init")
    directory = tempfile.gettempdir()
    if not os.access(directory, os.W_OK):
        yield Finding("temporary", "error", f"the directory for temporary files {directory!r} cannot be written")


def _check_state(project: Project) -> Iterator[Finding]:
    state = project.state_dir
    if state.exists():
        status = state.stat()
        if status.st_uid != os.getuid():
            message = f"{str(state)!r} belongs to user {status.st_uid}, not to {os.getuid()}"
            yield Finding("state", "error", message, f"sudo chown -R {os.getuid()} {state}")
        elif status.st_mode & 0o077:
            yield Finding("state", "warning", f"{str(state)!r} is open to other users", f"chmod 700 {state}")
        else:
            yield Finding("state", "ok", f"state is kept in {state}")
    holder = instance_holder(project)
    if holder is not None:
        yield Finding("daemon", "ok", f"process {holder.pid} serves this project ({holder.purpose})")
        return
    if socket_path(project).exists():
        message = f"{socket_path(project)} was left behind by a daemon that is gone; the next one replaces it"
        yield Finding("stale-socket", "warning", message, "animus daemon start")
    orphans, unreadable = orphans_of(project)
    if orphans:
        message = f"{orphans} processes of a dead host are on record; the next start ends them"
        yield Finding("orphans", "warning", message, "animus daemon start")
    for path, reason in unreadable:
        yield Finding("process-record", "warning", f"{path}: {reason}", f"rm {path}")


def _check_assembly(assembly: Assembly) -> Iterator[Finding]:
    for role, holder in sorted(assembly.roles.holders.items()):
        yield Finding(f"role:{role}", "ok", f"{role} is served by {holder.name} ({holder.source})")
    for provider in assembly.roles.providers:
        yield Finding("role:provider", "ok", f"{provider.name} is a provider ({provider.source})")
    if not assembly.roles.providers:
        message = "there is no provider: phases of agents cannot run"
        yield Finding("role:provider", "warning", message, install_command(["animus-provider-command"]))
    for role, error in assembly.roles.problems.items():
        severity = "error" if role in REQUIRED_ROLES else "warning"
        yield Finding(f"role:{role}", severity, error.message, error.remediation.get("install_command"))
    for required, severity in ((True, "error"), (False, "warning")):
        for need in missing_distributions(assembly.flavor, required=required):
            message = f"{need.distribution!r} is not installed; flavor {assembly.flavor.id!r} needs it: {need.section}"
            yield Finding("distribution", severity, message, install_command([need.distribution]))
    for plugin in assembly.found.plugins:
        if plugin.problem is not None:
            yield Finding(f"plugin:{plugin.name}", "warning", f"plugin {plugin.name!r}: {plugin.problem}")
    for message in (*assembly.packs.problems, *assembly.found.warnings):
        yield Finding("skipped", "warning", message)
