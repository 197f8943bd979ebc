"""``workflow config compile``, ``explain`` and ``schema``: what the runner makes of the workflow files."""

from pathlib import Path
from typing import Any

import click

from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.render.plugin import answered
from animus_cli.table import Column, facts, paragraph, table
from animus_cli.terminal import Screen
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire.workflow_runner import WorkflowInspectParams, WorkflowInspectResult

__all__ = ["compile_config", "explain", "schema"]


@command("compile", "Compile the workflow files: their hash, and the workflows that are disabled, with the reason.")
def compile_config(invocation: Invocation) -> None:
    """Ask the runner."""
    value = _inspected(invocation, WorkflowInspectParams(what="compile"))
    invocation.show(value, lambda screen: _compiled(value, screen))


@command(
    "explain",
    "Show what a workflow does: each phase, where it is written, and where each verdict leads.",
    click.Argument(["workflow"], metavar="WORKFLOW"),
    click.Option(["--phase"], metavar="PHASE", help="Only this phase."),
)
def explain(invocation: Invocation, *, workflow: str, phase: str | None) -> None:
    """Ask the runner."""
    value = _inspected(invocation, WorkflowInspectParams(what="explain", workflow_id=workflow, phase_id=phase))
    invocation.show(value, lambda screen: _explained(value, screen))


@command(
    "schema",
    "Print the JSON Schema of workflow files, for editors.",
    click.Option(["--file"], metavar="PATH", help="Where to; standard output if left out."),
)
def schema(invocation: Invocation, *, file: str | None) -> None:
    """Ask the runner."""
    value = _inspected(invocation, WorkflowInspectParams(what="schema")).get("schema")
    if file is None:
        invocation.show(value, lambda screen: answered(value, screen))
        return
    Path(file).write_text("\n".join(answered(value, invocation.screen())) + "\n", encoding="utf-8")
    line = f"# yaml-language-server: $schema={file}"
    record = {"file": file, "first_line": line}
    invocation.show(record, lambda _: [f"{file} is written. First line of a workflow file, for editors:", line])


def _inspected(invocation: Invocation, params: WorkflowInspectParams) -> dict[str, Any]:
    answer: WorkflowInspectResult = invocation.call(OPERATIONS["workflow/inspect"], params)
    return json_object(answer.value)


def _compiled(value: dict[str, Any], screen: Screen) -> list[str]:
    workflows = json_object(json_object(value.get("config")).get("workflows"))
    lines = facts(
        [("hash", str(value.get("config_hash") or "")), ("workflows", ", ".join(workflows) or "none")], screen
    )
    for name, reason in json_object(value.get("disabled")).items():
        lines += paragraph(f"disabled: {name}: {reason}", screen)
    return [*lines, "next: animus workflow config validate"] if value.get("disabled") else lines


def _explained(value: dict[str, Any], screen: Screen) -> list[str]:
    head = [(name, str(value.get(name) or "")) for name in ("workflow", "source")]
    worktree = json_object(value.get("worktree")).get("mode") or value.get("worktree")
    lines = facts([*head, ("worktree", str(worktree or ""))], screen)
    for place in map(json_object, json_array(value.get("places"))):
        lines += ["", screen.paint(f"{place.get('path')} ({place.get('mode')})", "bold")]
        known = [
            ("runs", str(place.get("runs") or "")),
            ("written in", str(place.get("source") or "")),
            ("if it breaks off", str(place.get("idempotency") or "")),
            ("sent back at most", str(place.get("rework_budget") or "")),
            ("left out if", "; ".join(map(str, json_array(place.get("skip_if"))))),
        ]
        lines += ["  " + line for line in facts(known, screen)]
        rows = [
            [str(route.get("verdict") or ""), str(route.get("target") or ""), _when(route)]
            for route in map(json_object, json_array(place.get("routes")))
        ]
        if rows:
            columns = [Column("VERDICT"), Column("LEADS TO"), Column("WHEN", flexible=True)]
            lines += table(columns, rows, screen, indent="  ")
    return lines


def _when(route: dict[str, Any]) -> str:
    return " ".join(str(route[key]) for key in ("when", "guard") if route.get(key))
