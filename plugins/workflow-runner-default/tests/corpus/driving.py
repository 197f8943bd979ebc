"""Drives every workflow of a project: at each place, each verdict its phase may return, each in a run of its own.

The runs are real: the runner with its journal, its engine and its worktrees. Scripted are only the agents, at the seam
to their provider, and the programs of command phases, at the seam to the system: they name what is not installed here.
A path is a run that goes to its place by the shortest way, returns its verdict there the first time it comes by, and
advances everywhere else.
"""

import asyncio
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.authoring.loading import Loaded, load
from animus_workflow_runner_default.authoring.model import CompiledConfig, FieldSpec, Phase, Workflow
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.runner import Runner, RunReport, RunRequest
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.steering import Signal
from animus_workflow_runner_default.journal.record import Dispatch, Subject
from animus_workflow_runner_default.phases.agent import AgentReply
from animus_workflow_runner_default.phases.command_phase import CommandPhase
from animus_workflow_runner_default.programs.process_run import ProgramResult

__all__ = ["ENDS", "Drive", "Went", "allowed_verdicts", "copied", "driven", "paths_of", "projects", "rows"]

ENDS = ("completed", "escalated", "failed", "cancelled")
AT_ONCE = 16
MOST_GATES = 30
ONE_OF_TYPE = {"string": "x", "number": 1.5, "integer": 1, "boolean": True, "array": [], "object": {}}


def _beside(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HandClock = _beside("runner_conftest", Path(__file__).parents[1] / "conftest.py").HandClock
EXPECTATION = _beside("corpus_expectation", Path(__file__).with_name("expectation.py"))
allowed_verdicts, paths_of, meant_end = EXPECTATION.allowed_verdicts, EXPECTATION.paths_of, EXPECTATION.meant_end


def projects(folder: Path) -> list[Path]:
    """The projects below a folder: what holds a ``workflow.yaml`` or a folder ``workflows``."""
    single = [file.parent for file in folder.rglob("workflow.yaml")]
    return sorted({*single, *(found.parent for found in folder.rglob("workflows") if found.is_dir())})


def copied(source: Path, home: Path) -> Loaded:
    """The project's files, as they are, where they are looked for; and what they say."""
    if (source / "workflows").is_dir():
        shutil.copytree(source / "workflows", home / ".animus" / "workflows")
    else:
        (home / ".animus").mkdir(parents=True)
        shutil.copy(source / "workflow.yaml", home / ".animus" / "workflows.yaml")
    return load(home, [], {})


class Went(NamedTuple):
    """A path and its run."""

    path: Any
    report: RunReport
    meant: str
    """How it has to end."""
    places: int
    """How many places its workflow has."""

    @property
    def end(self) -> str:
        """How it ended."""
        return self.report.run.status.value

    @property
    def is_as_meant(self) -> bool:
        """Whether the phase at the place did return the verdict, and the run ended as it has to."""
        said = {
            "fail" if attempt.decision is None and attempt.mode == "manual" else attempt.decision.verdict
            for attempt in self.report.attempts
            if attempt.path == self.path.place and (attempt.decision is not None or attempt.mode == "manual")
        }
        return self.path.verdict in said and self.end == self.meant

    @property
    def story(self) -> str:
        """What happened, for people."""
        steps = [f"{item.path}-{item.attempt} {item.status}" for item in self.report.attempts]
        return f"{self.path} ended {self.end}, not {self.meant}: {self.report.run.reason}; {', '.join(steps)}"


def named_variables(text: str) -> set[str]:
    """The environment variables a file asks for without a default: whoever wrote it has them."""
    return set(re.findall(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}", text))


def sample(spec: FieldSpec) -> Any:
    """A value that a field takes."""
    if spec.enum:
        return spec.enum[0]
    if spec.type == "array":
        return [] if spec.items is None else [sample(spec.items)]
    if spec.fields:
        return {name: sample(field) for name, field in spec.fields.items()}
    return ONE_OF_TYPE[spec.type]


def place_of(program: Any) -> str:
    """Which place a program was started for."""
    return str(json.loads(Path(program.environment["ANIMUS_CONTEXT_FILE"]).read_text())["phase"]["path"])


class Script:
    """What every phase of the runs under way returns, told by agents, by programs and by people alike."""

    def __init__(self, config: CompiledConfig) -> None:
        self._config = config
        self._due: dict[str, dict[str, list[str]]] = {}
        self._plans: dict[str, Plan] = {}

    def begin(self, run_id: str, plan: Plan, path: Any) -> None:
        due: dict[str, list[str]] = {}
        for place, verdict in (*path.way, (path.place, path.verdict)):
            due.setdefault(place, []).append(verdict)
        self._due[run_id], self._plans[run_id] = due, plan

    def verdict(self, run_id: str, place: str) -> str:
        due = self._due[run_id].get(place)
        return due.pop(0) if due else "advance"

    def answer(self, phase: Phase, verdict: str) -> str:
        """The result and the decision an agent ends with."""
        lines: list[dict[str, Any]] = []
        contract = phase.output_contract
        if contract is not None:
            fields = {name: sample(spec) for name, spec in contract.fields.items()}
            lines.append({"kind": contract.kind, **dict.fromkeys(contract.required_fields, "x"), **fields})
        said: dict[str, Any] = {
            "verdict": verdict,
            "confidence": 1.0,
            "risk": "low",
            "reason": f"{phase.id}: {verdict}",
        }
        asked = phase.decision_contract
        if asked is not None:
            said["evidence"] = [{"kind": kind} for kind in asked.required_evidence]
            said |= {name: "x" for name in asked.required_fields if name not in said}
            said |= {name: sample(spec) for name, spec in asked.fields.items()}
        return "\n".join(json.dumps(line) for line in [*lines, said])

    async def __call__(self, request: Any, _listener: Any) -> AgentReply:
        """The provider's seam."""
        place = request.context.get("phase", {}).get("path", "")
        plan = self._plans[request.run_id]
        text = "PASS" if place not in plan else self.answer(plan.phase(place), self.verdict(request.run_id, place))
        return AgentReply(exit_code=0, output=text, errors=[], backend="scripted")

    async def respond(self, _request: Any, _native_id: str, _response: Any) -> bool:
        """Nobody asks anything."""
        return False

    async def program(self, program: Any, _processes: Any, _clock: Any) -> ProgramResult:
        """The system's seam: one that prints the decision, or exits with the code that means it."""
        place = place_of(program)
        phase = self._plans[program.run_id].phase(place)
        command, verdict = phase.command, self.verdict(program.run_id, place)
        if command.parse_json_output:
            return ProgramResult(command.success_exit_codes[0], self.answer(phase, verdict), "", True, 0.0)
        failure = next(code for code in range(1, 99) if code not in command.success_exit_codes)
        code = failure if verdict == command.on_failure_verdict else command.success_exit_codes[0]
        return ProgramResult(code, f"{phase.id} says {verdict}", "", True, 0.0)


class Drive:
    """All paths of one project."""

    def __init__(self, home: Path, loaded: Loaded) -> None:
        self._home, self._config = home, loaded.config
        self._project = home / "project"
        self._project.mkdir(exist_ok=True)
        shutil.move(home / ".animus", self._project / ".animus")
        if any(workflow.post_success and workflow.post_success.merge for workflow in loaded.config.workflows.values()):
            self._make_repository()
        self._script = Script(loaded.config)

    def _make_repository(self) -> None:
        steps = (["init", "--quiet", "--initial-branch=main"], ["add", "-A"], ["commit", "--quiet", "-m", "first"])
        for words in steps:
            identity = ["-c", "user.name=U", "-c", "user.email=u@x"]
            subprocess.run(["git", *identity, *words], cwd=self._project, check=True, capture_output=True)

    async def go(self, workflows: list[str] | None = None) -> list[Went]:
        """Drive the workflows, or some of them."""
        services = Services(self._project, self._home / "state", clock=HandClock(), environ=self._environ())
        services.commands = CommandPhase(
            services.processes, services.clock, services.environ, run_program=self._script.program
        )
        runner = Runner(services, lambda: ConfigSource().read(self._project).config)
        turns = asyncio.Semaphore(AT_ONCE)
        try:
            chosen = [self._config.workflows[name] for name in workflows or self._config.workflows]
            wanted = [(workflow, path) for workflow in chosen for path in paths_of(Plan.of(self._config, workflow))]
            return await asyncio.gather(
                *(self._one(runner, turns, number, *item) for number, item in enumerate(wanted))
            )
        finally:
            await runner.close()

    def _environ(self) -> dict[str, str]:
        """Programs are looked for before they are started: each has a file of its name."""
        names = {phase.command.program for phase in self._config.phases.values() if phase.command is not None}
        shelf = self._home / "bin"
        shelf.mkdir()
        for name in names:
            (shelf / Path(name).name).write_text("#!/bin/false\n")
            (shelf / Path(name).name).chmod(0o755)
        given = {name: "given" for file in self._project.rglob("*.y*ml") for name in named_variables(file.read_text())}
        return given | {"PATH": f"{shelf}:{os.environ['PATH']}", "HOME": str(self._home)}

    async def _one(self, runner: Runner, turns: asyncio.Semaphore, number: int, workflow: Workflow, path: Any) -> Went:
        run_id = f"run-{number}"
        plan = Plan.of(self._config, workflow)
        self._script.begin(run_id, plan, path)
        subject = Subject(
            kind="task", id=f"task:T-{number}", native_id=f"T-{number}", title="T", attributes=EXPECTATION.ATTRIBUTES
        )
        given = {variable.name: "given" for variable in workflow.variables}
        request = RunRequest(run_id, workflow.id, subject, Dispatch(variables=given))
        async with turns:
            for _ in range(MOST_GATES):
                report = await runner.execute(request, self._script, _ignore, _told)
                waiting = report.run.waiting
                if report.run.status.value != "paused" or waiting is None or waiting.kind != "gate":
                    return Went(path, report, meant_end(plan, path), len(plan.entries))
                is_approved = self._script.verdict(run_id, waiting.path or "") == "advance"
                await runner.signal(run_id, Signal("approve" if is_approved else "reject", note="looked at"))
        raise AssertionError(f"{path} does not end")


def _ignore(_happening: Any) -> None:
    """Nobody watches."""


async def _told(_notice: Any) -> str:
    return "somebody"


def driven(loaded: Loaded, home: Path) -> list[Went]:
    """Every path of a project whose files were `copied`."""
    return asyncio.run(Drive(home, loaded).go())


def rows(project: str, went: list[Went]) -> Iterator[str]:
    """The table's lines for one project."""
    by_workflow: dict[str, list[Went]] = {}
    for item in went:
        by_workflow.setdefault(item.path.workflow, []).append(item)
    for workflow, items in by_workflow.items():
        ends = Counter(item.end for item in items)
        numbers = [ends[word] for word in ENDS]
        yield f"| {' | '.join(map(str, (project, workflow, items[0].places, len(items), *numbers)))} |"
