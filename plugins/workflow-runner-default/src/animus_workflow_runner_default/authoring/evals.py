"""Evals: that each check says what its kind needs, and nothing else."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Agent, EvalCheck, Evals

__all__ = ["REPOSITORY_ROOT", "eval_faults"]

REPOSITORY_ROOT = "$REPO_ROOT"
"""What stands for the root of the tree in ``working_dir``."""
_NEEDED = {"command": "command", "regex": "pattern", "llm_judge": "prompt"}
_OWN = {
    "command": ("command", "args", "working_dir", "expected_exit", "timeout_secs"),
    "regex": ("pattern", "file", "must_match"),
    "llm_judge": ("agent", "prompt", "timeout_secs"),
}
_DEFAULTS = EvalCheck(id="x", kind="command")
_Fault = tuple[tuple[str | int, ...], str]


def eval_faults(evals: Evals, agents: Mapping[str, Agent]) -> Iterator[_Fault]:
    """What is wrong with the ``evals`` of a phase."""
    if evals.on_fail == "rework" and evals.max_reworks == 0:
        yield ("evals", "max_reworks"), "'on_fail: rework' needs 'max_reworks' of at least 1"
    if evals.on_fail == "block" and evals.max_reworks:
        yield ("evals", "max_reworks"), "'max_reworks' needs 'on_fail: rework'"
    seen: set[str] = set()
    for index, check in enumerate(evals.checks):
        if check.id in seen:
            yield ("evals", "checks", index, "id"), f"the check {check.id!r} stands twice"
        seen.add(check.id)
        for key, message in _check_faults(check, agents):
            yield ("evals", "checks", index, key), message


def _check_faults(check: EvalCheck, agents: Mapping[str, Agent]) -> Iterator[tuple[str, str]]:
    needed = _NEEDED[check.kind]
    if not getattr(check, needed):
        yield "kind", f"a check of kind {check.kind!r} needs {needed!r}"
    for key in EvalCheck.__struct_fields__:
        if key not in ("id", "kind", *_OWN[check.kind]) and getattr(check, key) != getattr(_DEFAULTS, key):
            yield key, f"{key!r} does not belong to a check of kind {check.kind!r}"
    if check.pattern is not None:
        try:
            re.compile(check.pattern)
        except re.error as error:
            yield "pattern", f"not a regular expression: {error}"
    place = check.working_dir or ""
    if place.startswith(REPOSITORY_ROOT):
        place = place.removeprefix(REPOSITORY_ROOT).lstrip("/")
    inside = {"working_dir": place, "file": check.file or ""}
    for key, name in inside.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            yield key, f"the path {name!r} escapes project root; it is relative and without '..'"
    if check.agent is not None and check.agent not in agents:
        yield "agent", f"unknown agent {check.agent!r}{did_you_mean(check.agent, agents)}"
