"""Command phases: run one program, judge it by what it returned.

The exit code decides; what the program printed decides only where ``parse_json_output`` says so. Nothing starts that
the allow-list does not name, nothing runs outside the project, and no argument is ever given to a shell.
"""

import os
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import msgspec

from animus_process import child_environment
from animus_workflow_runner_default.authoring.interpolation import InterpolationError, filled, resolve_environment
from animus_workflow_runner_default.authoring.model import Command, Risk
from animus_workflow_runner_default.authoring.substitution import substitute
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.decision import Decision, decision_from
from animus_workflow_runner_default.phases.failure import excerpt, failing_tests, failure_category, failure_summary
from animus_workflow_runner_default.phases.json_schema import check_schema
from animus_workflow_runner_default.phases.outcome import Decided, Failed, PhaseOutcome, RunContext, kept_payload
from animus_workflow_runner_default.phases.place import PlaceError, working_directory
from animus_workflow_runner_default.programs.process_run import Program, ProgramResult, run_program
from animus_workflow_runner_default.programs.processes import Processes

__all__ = ["CommandPhase", "allowed_programs", "is_allowed"]


def allowed_programs(allowlist: list[str] | None, programs: Collection[str]) -> frozenset[str]:
    """The basenames that may run, lower case: the allow-list, or where no file has one, the programs in the files."""
    names = programs if allowlist is None else allowlist
    return frozenset(PurePath(name).name.lower() for name in names)


def is_allowed(program: str, allowed: Collection[str]) -> bool:
    """Whether the basename of `program` is among `allowed`, in any case."""
    return PurePath(program).name.lower() in allowed


class _Prepared(NamedTuple):
    argv: list[str]
    shown: list[str]
    """`argv` as it may be kept: references to the environment as they were written."""
    cwd: str
    environment: dict[str, str]


RunProgram = Callable[[Program, Processes, Clock], Awaitable[ProgramResult]]


class CommandPhase:
    """Runs command phases; one instance serves all runs. `run_program` starts a program and waits for its end."""

    def __init__(
        self,
        processes: Processes,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
        *,
        run_program: RunProgram = run_program,
    ) -> None:
        self._run_program = run_program
        self._processes = processes
        self._clock = clock
        self._environ = os.environ if environ is None else environ

    async def run(
        self,
        command: Command,
        context: RunContext,
        *,
        allowed: Collection[str],
        timeout_seconds: int | None = None,
        custom_verdicts: Collection[str] = (),
    ) -> PhaseOutcome:
        """Run the command of one attempt.

        Args:
            command: the definition.
            context: the run.
            allowed: see `allowed_programs`.
            timeout_seconds: the caller's limit instead of the command's own.
            custom_verdicts: verdicts the phase may return besides the four.
        """
        try:
            prepared = self._prepare(command, context, allowed)
        except (PlaceError, InterpolationError, _RefusedError) as refusal:
            return Failed(reason=str(refusal))
        limit = command.timeout_secs if timeout_seconds is None else timeout_seconds
        artifacts = Path(context.artifacts)
        program = Program(
            argv=prepared.argv,
            cwd=prepared.cwd,
            environment=prepared.environment,
            run_id=context.run_id,
            purpose="command",
            stdout_file=artifacts / context.artifact_name("stdout.log"),
            stderr_file=artifacts / context.artifact_name("stderr.log"),
            timeout_seconds=limit or None,
            masked=context.redactor.stream,
        )
        try:
            result = await self._run_program(program, self._processes, self._clock)
        except OSError as error:
            return Failed(reason=f"program {prepared.argv[0]!r} could not be started: {error}")
        files = {"stdout_file": program.stdout_file, "stderr_file": program.stderr_file}
        metadata = {name: str(file) for name, file in files.items() if file.exists()}  # a silent stream leaves none
        return _judge(command, prepared, result, metadata, custom_verdicts, limit)

    def _prepare(self, command: Command, context: RunContext, allowed: Collection[str]) -> _Prepared:
        def fill(template: str) -> str:
            text = filled(template, self._environ, context.variables, context.secrets)
            if "\0" in text:
                raise _RefusedError(f"{template!r} would be text with a NUL in it, which no program can be given")
            return text

        # One resolution for every use: the allow-list is asked about the program that is started.
        program = resolve_environment(command.program, self._environ, context.secrets)
        if not is_allowed(program, allowed):
            names = ", ".join(sorted(allowed)) or "nothing"
            raise _RefusedError(
                f"program {PurePath(program).name!r} is not in tools_allowlist (allowed: {names}); "
                "add it there to let this phase run it"
            )
        relative = None if command.cwd_path is None else fill(command.cwd_path)
        cwd = working_directory(command.cwd_mode, relative, execution_root=context.execution_cwd)
        declared = {name: fill(value) for name, value in command.env.items()}
        environment = child_environment(context.environment | declared, environ=self._environ)
        found = shutil.which(program, path=environment.get("PATH", os.defpath))
        if found is None and "/" in program and os.access(Path(cwd, program), os.X_OK):
            found = str(Path(cwd, program))
        if found is None:
            raise _RefusedError(f"program {program!r} was not found on PATH; install it or give its path")
        argv = [os.path.abspath(found) if "/" in program else found, *(fill(argument) for argument in command.args)]  # noqa: PTH100 - a link must stay the name it is
        shown = [argv[0], *(substitute(argument, context.variables) for argument in command.args)]
        return _Prepared(argv, shown, cwd, environment)


class _RefusedError(Exception):
    """The command is not started; the text says why."""


def _judge(
    command: Command,
    prepared: _Prepared,
    result: ProgramResult,
    metadata: dict[str, Any],
    custom_verdicts: Collection[str],
    limit: int | None,
) -> PhaseOutcome:
    shown = " ".join([command.program, *command.args])[:200]
    outcome: dict[str, Any] = {
        "exit_code": result.exit_code,
        "duration_ms": round(result.duration_seconds * 1000),
        "command": prepared.shown,
        "cwd": prepared.cwd,
        "stdout_excerpt": excerpt(result.stdout, command.excerpt_max_chars),
        "stderr_excerpt": excerpt(result.stderr, command.excerpt_max_chars),
    }
    if result.exit_code is None:
        reason = f"command {shown!r} ran longer than its timeout of {limit} s and was ended with everything it started"
        output = failure_summary("", "", [], result.stdout + result.stderr).strip()
        return Failed(reason=f"{reason}\n{output}".strip(), outcome=outcome, metadata=metadata)
    succeeded = result.exit_code in command.success_exit_codes
    if not succeeded:
        both = f"{result.stdout}\n{result.stderr}"
        tests = failing_tests(both, command.failure_pattern)
        how = f"exited with code {result.exit_code}" if result.signal is None else f"died by signal {result.signal}"
        outcome |= {
            "failure_category": failure_category(command),
            "failing_tests": tests,
            "failure_summary": failure_summary(f"command {shown!r}", how, tests, both),
        }
    if command.parse_json_output:
        return _judge_payload(command, result, outcome, metadata, custom_verdicts, succeeded=succeeded)
    return Decided(decision=_by_exit_code(command, outcome, succeeded=succeeded), outcome=outcome, metadata=metadata)


def _by_exit_code(command: Command, outcome: dict[str, Any], *, succeeded: bool) -> Decision:
    risk: Risk = "low" if succeeded else command.failure_risk
    reason = f"exit code {outcome['exit_code']}" if succeeded else str(outcome["failure_summary"])
    verdict = command.on_success_verdict if succeeded else command.on_failure_verdict
    return Decision(verdict=verdict, confidence=command.confidence, risk=risk, reason=reason)


def _judge_payload(
    command: Command,
    result: ProgramResult,
    outcome: dict[str, Any],
    metadata: dict[str, Any],
    custom_verdicts: Collection[str],
    *,
    succeeded: bool,
) -> PhaseOutcome:
    """The output decides: its verdict routes; without one in it the exit code does."""
    found, payload = _json_payload(result)
    by_exit_code = _by_exit_code(command, outcome, succeeded=succeeded)
    if not found:
        if not succeeded:
            return Decided(decision=by_exit_code, outcome=outcome, metadata=metadata)
        reason = "parse_json_output: standard output holds no JSON (neither as a whole nor as a last line)"
        return Failed(reason=reason, outcome=outcome, metadata=metadata)
    body = json_object(payload)
    if body is None:
        body = {"raw_payload": payload}
    findings: list[str] = []
    if command.expected_result_kind is not None and body.get("kind") != command.expected_result_kind:
        findings.append(f"the payload's kind is {body.get('kind')!r}, expected {command.expected_result_kind!r}")
    if command.expected_schema is not None:
        findings += check_schema(payload, command.expected_schema)
    kept = kept_payload(body)
    outcome = {**kept, **outcome} if isinstance(kept, dict) else {"payload": kept, **outcome}
    if findings:
        return Failed(reason=f"parse_json_output: {'; '.join(findings)}", outcome=outcome, metadata=metadata)
    try:
        decision = decision_from(payload, custom_verdicts=custom_verdicts)
    except ValueError as problem:
        return Failed(reason=f"parse_json_output: {problem}", outcome=outcome, metadata=metadata)
    if decision is None:
        return Decided(decision=by_exit_code, outcome=outcome, metadata=metadata)
    if "confidence" not in decision.fields:
        decision = msgspec.structs.replace(decision, confidence=command.confidence)
    return Decided(decision=decision, outcome=outcome, metadata=metadata)


def _json_payload(result: ProgramResult) -> tuple[bool, Any]:
    """The whole standard output as JSON, else its last line that is a JSON object or array."""
    if result.stdout_is_complete:
        try:
            return True, msgspec.json.decode(result.stdout)
        except (msgspec.DecodeError, RecursionError):
            pass
    for line in reversed(result.stdout.splitlines()):
        stripped = line.strip()
        if stripped.startswith(("{", "[")):
            try:
                return True, msgspec.json.decode(stripped)
            except (msgspec.DecodeError, RecursionError):
                continue
    return False, None
