"""Setting a project up: look at it, and write the files that let Animus run its checks.

The operations ``project/init`` and ``project/setup`` and the command ``init`` are this. Nothing of the project is run,
no network is needed, and no file that somebody has edited is written again.
"""

from pathlib import Path

import msgspec

from animus_composition.scaffold.agents import KNOWN, Offer, agent_command, offers
from animus_composition.scaffold.checks import Check, find_linter, find_tests, missing_programs
from animus_composition.scaffold.clients import name_in_clients
from animus_composition.scaffold.evidence import Evidence
from animus_composition.scaffold.files import (
    AGENT_PATH,
    WORKFLOWS_PATH,
    Findings,
    PlannedFile,
    planned_files,
    write_file,
)
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_protocol.wire import control

__all__ = ["SCRIPT", "TEMPLATES", "init", "setup"]

SCRIPT = "script"
"""The template for a program of the author's own that plays the agent."""

TEMPLATES = (*(agent.tool for agent in KNOWN), SCRIPT)


def init(project: Project, params: control.ProjectInitParams) -> control.ProjectInitResult:
    """Detect, write if that is wanted, and say what is missing.

    Raises:
        ControlError: ``invalid_request`` for an unknown template, and as `planned_files`; nothing was written.
    """
    if params.template not in {None, *TEMPLATES}:
        known = ", ".join(TEMPLATES)
        raise ControlError("invalid_request", f"there is no template {params.template!r}; there are: {known}")
    root = project.root
    found = offers()
    findings = _findings(root, found, params.template)
    files = planned_files(root, findings, force=params.force)
    changed = [file for file in files if file.action != "keep"]
    for file in changed if params.yes else ():
        write_file(root, file)
    return control.ProjectInitResult(
        project_root=str(root),
        repo_scope=project.repo_scope,
        created=params.yes and bool(changed),
        files=[control.ProjectFile(path=file.path, action=file.action, reason=file.reason) for file in files],
        tests=_check(findings.tests),
        linter=_check(findings.linter),
        agent=None if findings.agent is None else list(findings.agent),
        tool=findings.tool,
        agents_found=[offer.agent.tool for offer in found],
        missing=[*_missing(root, findings), *_missing_for_agents(found, findings.tool)],
        next=_next_steps(root, findings, files),
    )


def setup(project: Project, params: control.ProjectSetupParams) -> control.ProjectInitResult:
    """`init` with what is found here, and ``.mcp.json`` if wanted. A daemon does this, so `start_daemon` has come true.

    Raises:
        ControlError: ``invalid_request`` when ``.mcp.json`` is no file of its kind, and as `init`; nothing was written.
    """
    mcp = name_in_clients(project.root) if params.mcp else None
    result = init(project, control.ProjectInitParams(yes=True))
    project.ensure_state()
    if mcp is None:
        return result
    if mcp.action != "keep":
        write_file(project.root, mcp)
    row = control.ProjectFile(path=mcp.path, action=mcp.action, reason=mcp.reason)
    created = result.created or mcp.action != "keep"
    return msgspec.structs.replace(result, files=[*result.files, row], created=created)


def _findings(root: Path, found: list[Offer], template: str | None) -> Findings:
    evidence = Evidence(root)
    usable = next((offer.agent.tool for offer in found if offer.has_plugin), None)
    tool = usable if template is None else None if template == SCRIPT else template
    return Findings(find_tests(evidence), find_linter(evidence), agent_command(), tool)


def _check(found: Check | None) -> control.ProjectCheck | None:
    if found is None:
        return None
    return control.ProjectCheck(name=found.name, command=list(found.argv), because_of=found.because)


def _missing(root: Path, findings: Findings) -> list[str]:
    """What a person still has to bring, one sentence each."""
    missing: list[str] = []
    if findings.tests is None:
        missing.append(f"No tests were found. The workflow fails until phases.test in {WORKFLOWS_PATH} runs some.")
    if findings.linter is None:
        missing.append("No linter was found, so the workflow has no lint phase.")
    missing += [
        f"{program!r} is not on PATH; the checks need it."
        for program in missing_programs((findings.tests, findings.linter))
    ]
    if findings.agent is None and findings.tool is None:
        missing.append(f"No coding agent was found on PATH. Name yours in {AGENT_PATH} to use animus.task/standard.")
    if not (root / ".git").exists():
        missing.append("This is no git repository. Checks work, deliveries (animus.task/standard) need one.")
    return missing


def _missing_for_agents(found: list[Offer], tool: str | None) -> list[str]:
    """What keeps an agent that is here, or that was asked for, from being used."""
    missing = [
        f"{offer.agent.tool} is here; to have it work in phases: pip install {offer.agent.distribution}, "
        f"then: animus init --force --agent {offer.agent.tool}"
        for offer in found
        if not offer.has_plugin
    ]
    chosen = next((agent for agent in KNOWN if agent.tool == tool), None)
    if chosen is not None and chosen.tool not in {offer.agent.tool for offer in found}:
        needs = f"the program {chosen.program!r}" if chosen.program else f"one of {', '.join(chosen.variables)}"
        missing.append(f"{chosen.tool} needs {needs}, which is not here; see: animus doctor")
    return missing


def _next_steps(root: Path, findings: Findings, files: list[PlannedFile]) -> list[str]:
    steps = ["animus workflow config validate"]
    if (root / ".git").exists() and any(file.action != "keep" for file in files):
        # Runs work in worktrees, and those hold what is committed.
        steps.append(f"git add {' '.join(sorted({file.path for file in files}))} && git commit -m 'Set Animus up'")
    return [*steps, "animus workflow run --sync"] if findings.tests is not None else steps
