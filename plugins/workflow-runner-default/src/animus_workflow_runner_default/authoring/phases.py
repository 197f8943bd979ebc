"""Phases: that a definition makes sense as a whole, and its compiled form."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.evals import eval_faults
from animus_workflow_runner_default.authoring.guards import parse_route_guard
from animus_workflow_runner_default.authoring.misfits import misfits
from animus_workflow_runner_default.authoring.model import (
    END_TARGET,
    Agent,
    Capabilities,
    Command,
    DecisionContract,
    Phase,
    Retry,
    Worktree,
)
from animus_workflow_runner_default.authoring.permission import permission_fault
from animus_workflow_runner_default.authoring.shapes import PhaseShape, WorktreeShape

__all__ = ["EVIDENCE_KINDS", "compile_phases", "worktree_of"]

EVIDENCE_KINDS = (
    "tests_passed",
    "tests_failed",
    "code_review_clean",
    "code_review_issues",
    "files_modified",
    "requirements_met",
    "research_complete",
    "manual_verification",
    "no_changes_needed",
    "custom",
)
_FOR_AGENTS = (
    "agent",
    "agent_id",
    "system_prompt",
    "runtime",
    "default_tool",
    "skills",
    "decision_contract",
    "output_contract",
    "output_json_schema",
)
"""Keys that only an agent's phase acts on."""
_SAME = tuple(
    name
    for name in Phase.__struct_fields__
    if name not in ("id", "agent", "source", "capabilities", "retry", "worktree")
)
"""Fields that a phase takes from its shape as they are."""
_Check = tuple[tuple[str | int, ...], str]


def compile_phases(catalog: Catalog, agents: Mapping[str, Agent], *, has_default: bool = False) -> dict[str, Phase]:
    """All phases without a fault.

    Args:
        catalog: all definitions.
        agents: the usable agents.
        has_default: whether ``daemon.phase_routing`` says what plays the agent of phases that do not.
    """
    phases: dict[str, Phase] = {}
    for phase_id, definition in catalog.sections["phases"].items():
        shape: PhaseShape | None = definition.shape
        if shape is None:
            continue
        for steps, message in _faults(shape, catalog, agents, has_default=has_default):
            catalog.blame(definition, message, *steps)
        if shape.mode != "agent":
            _warn_without_agent(shape, definition, catalog)
        binding = catalog.sections["phase_mcp_bindings"].get(phase_id)
        if binding is not None and binding.fault is not None:
            catalog.excuse(definition, f"its MCP servers cannot be bound: {binding.fault}")
        phase = _phase(phase_id, shape, definition, catalog.sections["phase_catalog"].get(phase_id))
        if definition.fault is None and shape.mode == "agent":
            for steps, message in misfits(catalog, phase, agents.get(phase.agent or "")):
                catalog.blame(definition, message, *steps)
        if definition.fault is None:
            phases[phase_id] = phase
    return phases


def _phase(phase_id: str, shape: PhaseShape, definition: Definition, shown: Definition | None) -> Phase:
    same = {name: getattr(shape, name) for name in _SAME}
    if shown is not None and shown.shape is not None:
        same["name"] = shape.name or shown.shape.label
        same["description"] = shape.description or shown.shape.description
    if shape.mode != "agent":
        same["description"] = same["description"] or shape.directive
    return Phase(
        id=phase_id,
        agent=shape.agent or shape.agent_id,
        capabilities=shape.capabilities or Capabilities(),
        retry=shape.retry or Retry(),
        worktree=worktree_of(shape.worktree),
        source=definition.source,
        **same,
    )


def worktree_of(value: str | bool | WorktreeShape | None) -> Worktree | None:  # noqa: FBT001 - YAML's own boolean
    """The compiled form of what may stand under ``worktree``; true is ``auto``, false is ``skip``."""
    if value is None:
        return None
    if isinstance(value, WorktreeShape):
        return Worktree(mode=value.mode, cleanup=value.cleanup, base_ref=value.base_ref)
    if isinstance(value, bool):
        return Worktree(mode="auto" if value else "skip")
    return Worktree(mode="required" if value == "required" else "skip" if value == "skip" else "auto")


def _faults(shape: PhaseShape, catalog: Catalog, agents: Mapping[str, Agent], *, has_default: bool) -> Iterator[_Check]:
    yield from _block_faults(shape)
    if shape.mode == "agent":
        yield from _agent_faults(shape, catalog, agents, has_default=has_default)
    if shape.command is not None:
        yield from ((("command", *steps), message) for steps, message in _command_faults(shape.command))
    if shape.decision_contract is not None:
        yield from _contract_faults(shape.decision_contract)
    yield from _route_faults(shape)
    if shape.evals is not None:
        yield from eval_faults(shape.evals, agents)
    if isinstance(shape.worktree, WorktreeShape) and shape.worktree != WorktreeShape(mode=shape.worktree.mode):
        yield ("worktree",), "a run has one worktree: 'cleanup' and 'base_ref' stand with the workflow"
    schemas = {
        ("output_json_schema",): shape.output_json_schema,
        ("decision_contract", "extra_json_schema"): shape.decision_contract
        and shape.decision_contract.extra_json_schema,
        ("command", "expected_schema"): shape.command and shape.command.expected_schema,
    }
    for steps, schema in schemas.items():
        if schema is not None and not isinstance(schema, dict):
            yield steps, f"{steps[-1]!r} takes a JSON schema, a mapping"


def _route_faults(shape: PhaseShape) -> Iterator[_Check]:
    for verdict, route in shape.on_verdict.items():
        if route.target is None and not route.allow_agent_target:
            yield (
                ("on_verdict", verdict),
                f"the route of {verdict!r} needs a 'target'; {END_TARGET!r} completes the run",
            )
        if route.guard is not None:
            try:
                parse_route_guard(route.guard)
            except ValueError as error:
                yield ("on_verdict", verdict, "guard"), str(error)


def _block_faults(shape: PhaseShape) -> Iterator[_Check]:
    for block in ("command", "manual"):
        present = getattr(shape, block) is not None
        if shape.mode == block and not present:
            text = (
                "; its 'directive' belongs there, under 'instructions'" if block == "manual" and shape.directive else ""
            )
            yield ("mode",), f"a phase of mode {block!r} needs the block '{block}:'{text}"
        if shape.mode != block and present:
            yield (
                (block,),
                f"the block '{block}:' belongs to the mode {block!r}; this phase has the mode {shape.mode!r}",
            )
    if shape.agent and shape.agent_id:
        yield ("agent_id",), "'agent_id' is another name of 'agent'; keep one of them"


def _agent_faults(
    shape: PhaseShape, catalog: Catalog, agents: Mapping[str, Agent], *, has_default: bool
) -> Iterator[_Check]:
    name = shape.agent or shape.agent_id
    agent = agents.get(name) if name else None
    if name and agent is None:
        known = catalog.sections["agents"]
        where = ("agent",) if shape.agent else ("agent_id",)
        if name in known:
            yield where, f"the agent {name!r} has a fault: {known[name].fault}"
        else:
            yield where, f"unknown agent {name!r}{did_you_mean(name, known) or '; no file defines agents'}"
        return
    runtimes = [runtime for runtime in (shape.runtime, agent and agent.runtime) if runtime]
    if shape.runtime is not None and (shape.runtime.permission_mode or shape.runtime.tool):
        tool = next((runtime.tool for runtime in runtimes if runtime.tool), None)
        mode = next((runtime.permission_mode for runtime in runtimes if runtime.permission_mode), None)
        fault = permission_fault(tool, mode)
        if fault is not None:
            yield ("runtime", "permission_mode" if shape.runtime.permission_mode else "tool"), fault
    is_said = any(runtime.tool or runtime.model for runtime in runtimes) or bool(agent and agent.models)
    if not has_default and not shape.default_tool and not is_said:
        yield ("mode",), "nothing says what plays the agent; write 'tool' (in 'runtime:' or in the agent)"


def _command_faults(command: Command) -> Iterator[_Check]:
    if command.cwd_mode == "path" and command.cwd_path is None:
        yield ("cwd_mode",), "'cwd_mode: path' needs 'cwd_path'"
    if command.cwd_path is not None:
        path = PurePosixPath(command.cwd_path)
        if command.cwd_mode != "path":
            yield ("cwd_path",), "'cwd_path' needs 'cwd_mode: path'"
        elif path.is_absolute() or ".." in path.parts:
            yield ("cwd_path",), f"the path {command.cwd_path!r} escapes project root; it is relative and without '..'"
    if command.failure_pattern is not None:
        try:
            re.compile(command.failure_pattern)
        except re.error as error:
            yield ("failure_pattern",), f"not a regular expression: {error}"
    for key in command.env:
        if not key or "=" in key or "\0" in key:
            yield ("env", key), f"{key!r} is no name of an environment variable"


def _contract_faults(contract: DecisionContract) -> Iterator[_Check]:
    for index, kind in enumerate(contract.required_evidence):
        if kind not in EVIDENCE_KINDS:
            where = ("decision_contract", "required_evidence", index)
            yield where, f"unknown kind of evidence {kind!r}{did_you_mean(kind, EVIDENCE_KINDS)}"
    if contract.verdicts and contract.valid_verdicts:
        yield (
            ("decision_contract", "valid_verdicts"),
            "'valid_verdicts' is another name of 'verdicts'; keep one of them",
        )


def _warn_without_agent(shape: PhaseShape, definition: Definition, catalog: Catalog) -> None:
    decides = shape.command is not None and shape.command.parse_json_output
    for key in _FOR_AGENTS:
        if key in definition.value and not (decides and key == "decision_contract"):
            message = f"{key!r} has no effect in a phase of mode {shape.mode!r}"
            finding = Finding(
                path=(*definition.path, key), message=message, severity="warning", of_key=True, topic=message
            )
            catalog.report.take(finding, definition.document)
