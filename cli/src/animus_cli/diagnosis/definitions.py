"""Findings about the workflow files and what they need: their faults, the programs they name, and git."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from animus_cli.diagnosis.finding import Finding
from animus_cli.json_value import json_object
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_protocol.wire.control import ConfigValidateResult, EmptyParams, WorkflowConfigResult

__all__ = ["check_definitions", "check_git"]

_GIT_SECONDS = 10
_AUTHORED = ("animus.toml", ".animus")
Ask = Callable[[str, Any], Any]
"""Runs an operation by name."""


def check_definitions(project: Project, ask: Ask) -> list[Finding]:
    """Have the definitions compiled, and look for the programs that agents are."""
    validate = "animus workflow config validate"
    try:
        result: ConfigValidateResult = ask("workflow/config/validate", EmptyParams())
        compiled: WorkflowConfigResult = ask("workflow/config/get", EmptyParams())
    except ControlError as error:
        return [Finding("workflows", "error", f"the workflow files cannot be compiled: {error.message}", validate)]
    errors = [finding for finding in result.diagnostics if finding.severity == "error"]
    warnings = len(result.diagnostics) - len(errors)
    if errors:
        # A phase with a fault is an error of every workflow that has it as well; the cause says more.
        first = min(errors, key=lambda found: " has a fault: " in found.message)
        count = f"{len(errors)} error{'s' * (len(errors) > 1)}"
        message = f"the workflow files have {count}; first: {first.file}:{first.line}: {first.message}"
        found = Finding("workflows", "error", message, validate)
    elif warnings:
        found = Finding("workflows", "warning", f"the workflow files have {warnings} warnings", validate)
    elif not project.authored_dir.is_dir():
        found = Finding("workflows", "warning", "the project has no workflow files of its own", "animus init")
    else:
        found = Finding("workflows", "ok", f"workflows that can be run: {', '.join(result.workflows) or 'none'}")
    return [found, *_check_tools(project, json_object(compiled.config))]


def check_git(project: Project) -> Iterator[Finding]:
    """Runs work in worktrees, and those hold what is committed."""
    if shutil.which("git") is None or not (project.root / ".git").exists():
        return
    if _git(project, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        message = "the git repository has no commit yet, so no worktree can be made"
        yield Finding("git-commit", "warning", message, "git add --all && git commit -m 'First commit'")
        return
    written = [name for name in _AUTHORED if (project.root / name).exists()]
    changed = _git(project, "status", "--porcelain", "--", *written) if written else ""
    if changed:
        message = f"{' and '.join(written)} hold changes that are not committed; runs in worktrees do not see them"
        command = f"git add {' '.join(written)} && git commit -m 'Set Animus up'"
        yield Finding("git-uncommitted", "warning", message, command)
    else:
        yield Finding("git", "ok", "git is there, and what runs need is committed")


def _check_tools(project: Project, config: dict[str, Any]) -> Iterator[Finding]:
    for name, tool in json_object(config.get("tools")).items():
        program = str(json_object(tool).get("executable", ""))
        is_there = (project.root / program).exists() if "/" in program else shutil.which(program) is not None
        if is_there:
            yield Finding(f"tool:{name}", "ok", f"tool {name!r} is the program {program!r}")
        else:
            message = f"the program {program!r} of tool {name!r} is not there: agent phases with it fail"
            yield Finding(f"tool:{name}", "warning", message, f"install {program}, or change tools.{name}.executable")


def _git(project: Project, *words: str) -> str | None:
    """What git says; None if it fails."""
    argv = ["git", "-C", str(project.root), *words]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
