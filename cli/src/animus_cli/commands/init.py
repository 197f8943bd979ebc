"""``init``: look at a project and write the files that let Animus run its checks. Runs nothing, needs no network."""

from pathlib import Path

import click

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.scaffold.agents import KNOWN, Offer, agent_command, offers
from animus_cli.scaffold.checks import Check, find_linter, find_tests, missing_programs
from animus_cli.scaffold.evidence import Evidence
from animus_cli.scaffold.files import AGENT_PATH, WORKFLOWS_PATH, Findings, PlannedFile, planned_files
from animus_cli.table import facts, paragraph
from animus_cli.terminal import Screen
from animus_plugin_runtime.durable import write_durably

__all__ = ["init"]

_FILE_MODE = 0o644
_SCRIPT = "script"
_DONE = {"write": "wrote", "rewrite": "rewrote", "keep": "kept"}
_PLANNED = {"write": "would write", "rewrite": "would rewrite", "keep": "would keep"}


@command(
    "init",
    "Set a project up: find its tests and its linter, and write three files that make them a workflow.",
    click.Option(["--plan"], is_flag=True, help="Say what would be written, and write nothing."),
    click.Option(["--force"], is_flag=True, help="Write files again that nobody has edited since they were written."),
    click.Option(
        ["--agent", "wanted"],
        type=click.Choice([agent.tool for agent in KNOWN] + [_SCRIPT]),
        metavar="|".join([*(agent.tool for agent in KNOWN), _SCRIPT]),
        help="Which coding agent does the work; the first one found if left out. script: a program of yours.",
    ),
)
def init(invocation: Invocation, *, plan: bool, force: bool, wanted: str | None) -> None:
    """Detect, write (unless only a plan is wanted), and say what is missing."""
    root = invocation.project().root
    evidence = Evidence(root)
    found = offers()
    usable = [offer.agent.tool for offer in found if offer.has_plugin]
    tool = next(iter(usable), None) if wanted is None else None if wanted == _SCRIPT else wanted
    findings = Findings(find_tests(evidence), find_linter(evidence), agent_command(), tool)
    files = planned_files(root, findings, force=force)
    if not plan:
        _write(root, files)
    missing = [*_missing(root, findings), *_missing_for_agents(found, tool)]
    words = _PLANNED if plan else _DONE
    next_steps = _next_steps(root, findings, files)
    record = {
        "project_root": str(root),
        "planned_only": plan,
        "tests": _record(findings.tests),
        "linter": _record(findings.linter),
        "agent": None if findings.agent is None else list(findings.agent),
        "tool": tool,
        "agents_found": [offer.agent.tool for offer in found],
        "files": [{"path": file.path, "action": file.action, "reason": file.reason} for file in files],
        "missing": missing,
        "next": next_steps,
    }
    invocation.show(
        record, lambda screen: [*_lines(root, findings, files, missing, words, screen), "", *_next_lines(next_steps)]
    )


def _write(root: Path, files: list[PlannedFile]) -> None:
    for file in files:
        if file.action != "keep":
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, file.text.encode())
            path.chmod(_FILE_MODE)  # it is for everybody who works on the project


def _record(check: Check | None) -> dict[str, object] | None:
    return None if check is None else {"name": check.name, "command": list(check.argv), "because_of": check.because}


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


def _lines(
    root: Path, findings: Findings, files: list[PlannedFile], missing: list[str], words: dict[str, str], screen: Screen
) -> list[str]:
    lines = facts(
        [
            ("project", str(root)),
            ("tests", _found(findings.tests)),
            ("linter", _found(findings.linter)),
            ("agent", findings.tool or ("none found" if findings.agent is None else findings.agent[0])),
        ],
        screen,
    )
    lines.append("")
    for file in files:
        lines.append(f"{words[file.action]} {file.path}" + (f" ({file.reason})" if file.reason else ""))
    if missing:
        lines += ["", *(line for sentence in missing for line in paragraph(f"- {sentence}", screen))]
    return lines


def _next_lines(steps: list[str]) -> list[str]:
    return [f"next: {step}" for step in steps]


def _found(check: Check | None) -> str:
    return "none found" if check is None else f"{' '.join(check.argv)} (because of {check.because})"
