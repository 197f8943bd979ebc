"""``agent run``: one session of an agent, outside of any workflow, in this process's own charge or in the daemon's."""

import asyncio
import sys
import uuid
from collections.abc import Callable
from typing import Any

import click
import msgspec

from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.spending import Spent, spent_text
from animus_cli.terminal import clean
from animus_control.errors import error_from_fault
from animus_control.operations import OPERATIONS
from animus_control.project import Project
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.provider import AgentRunParams, AgentRunResult
from animus_plugin_runtime import Note

__all__ = ["run"]

_DEFAULT_SECONDS = 1800
_COMMAND = "command"
Shown = Callable[[str], None]


@command(
    "run",
    "Run one session of an agent here and print what it says; the prompt is an option or standard input.",
    click.Option(["--tool"], metavar="TOOL", help="claude, codex, oai, or a tool of the workflow files."),
    click.Option(["--prompt"], metavar="TEXT", help="What to do; - or nothing reads standard input."),
    click.Option(["--model"], metavar="MODEL", help="The model; the agent's own default if left out."),
    click.Option(["--system-prompt"], metavar="TEXT", help="What the agent is."),
    click.Option(["--cwd"], metavar="PATH", help="Where it works; the project if left out."),
    click.Option(
        ["--timeout-secs"],
        type=click.IntRange(min=1),
        default=_DEFAULT_SECONDS,
        show_default=True,
        metavar="N",
        help="When it is ended.",
    ),
    click.Option(["--permission-mode"], metavar="MODE", help="What it may do unasked, in the agent's own words."),
    click.Option(
        ["--reasoning-effort"],
        type=click.Choice(["low", "medium", "high"]),
        metavar="low|medium|high",
        help="How long it thinks, where the agent has that.",
    ),
    click.Option(["--detach"], is_flag=True, help="Have the daemon run it, and print the session's id."),
)
def run(
    invocation: Invocation, *, tool: str | None, prompt: str | None, timeout_secs: int, detach: bool, **given: Any
) -> None:
    """Start the provider, pass the prompt on, and stop it again whatever happens.

    Raises:
        CommandError: there is no prompt, or the agent did not end well.
    """
    text = sys.stdin.read() if prompt in {None, "-"} else prompt
    if not text or not text.strip():
        raise CommandError("invalid_input", "there is no prompt", next_step="animus agent run --prompt TEXT")
    project = invocation.project()
    if detach:
        _detach(invocation, tool, text, timeout_secs, given)
        return
    params = AgentRunParams(
        prompt=text,
        session_id=uuid.uuid4().hex,
        project_root=str(project.root),
        timeout_secs=timeout_secs,
        cwd=given["cwd"] or str(project.root),
        model=given["model"],
        system_prompt=given["system_prompt"],
        permission_mode=given["permission_mode"],
        reasoning_effort=given["reasoning_effort"],
    )
    shown = _nothing if invocation.json else _printed
    try:
        result = asyncio.run(_session(project, tool, params, shown))
    except RpcFault as fault:
        error = error_from_fault(fault, methods.AGENT_RUN)
        if error.category != "internal":
            raise error from fault
        # It is the agent, or the server behind it, that does not work, and not this program.
        raise CommandError("unavailable", error.message, details=error.details, next_step="animus doctor") from fault
    if result.exit_code != 0:
        message = f"{result.backend} ended with {result.exit_code}: {'; '.join(result.errors) or 'it said nothing'}"
        raise CommandError("run_failed", message, details=msgspec.to_builtins(result), next_step="animus doctor")
    invocation.show(result, lambda _: _lines(result))


def _detach(invocation: Invocation, tool: str | None, text: str, seconds: int, given: dict[str, Any]) -> None:
    """The same in the daemon, which remembers how it ended."""
    compiled: control.WorkflowConfigResult = invocation.call(OPERATIONS["workflow/config/get"], control.EmptyParams())
    line = _command_line(compiled.config, tool)
    params = control.AgentRunParams(
        provider=tool if line is None and tool is not None else _COMMAND,
        prompt=text,
        model=given["model"],
        system=given["system_prompt"],
        cwd=given["cwd"],
        detach=True,
        timeout_secs=seconds,
        permission_mode=given["permission_mode"],
        reasoning_effort=given["reasoning_effort"],
        command=line,
    )
    begun: control.AgentRunResult = invocation.call(OPERATIONS["agent/run"], params)
    lines = [f"{begun.session_id} has begun.", f"next: animus agent status {begun.session_id}"]
    invocation.show(begun, lambda _: lines)


def _command_line(config: Any, tool: str | None) -> dict[str, Any] | None:
    """The program that the workflow files name for a tool, if they do."""
    written = json_object(json_object(json_object(config).get("tools")).get(tool or ""))
    program = written.get("executable")
    return None if program is None else {"program": program, "args": json_array(written.get("base_args"))}


async def _session(project: Project, tool: str | None, params: AgentRunParams, shown: Shown) -> AgentRunResult:
    from animus_composition.assembly import assemble  # noqa: PLC0415 - start-up: help pages need no kernel
    from animus_composition.settings import load_settings  # noqa: PLC0415 - as above
    from animus_kernel.kernel import CLIENT, Kernel  # noqa: PLC0415 - as above

    def told(note: Note) -> None:
        said = json_object(msgspec.json.decode(note.params))
        if note.method == methods.AGENT_OUTPUT:
            shown(str(said.get("text") or ""))
        elif note.method == methods.AGENT_TOOL_CALL:
            shown(f"\n[{said.get('tool_name') or said.get('name') or 'tool'}]\n")

    project.ensure_state()
    kernel = Kernel(project, await asyncio.to_thread(assemble, project), load_settings(project), purpose=CLIENT)
    try:
        line = _command_line(await kernel.door.config(), tool)
        params = msgspec.structs.replace(params, command=line)
        connection = await kernel.plugins.connection_for("provider", tool if line is None else _COMMAND)
        raw = await connection.call_raw(methods.AGENT_RUN, params, on_note=told, session_id=params.session_id)
        return msgspec.json.decode(raw, type=AgentRunResult)
    finally:
        await kernel.close()


def _printed(text: str) -> None:
    sys.stdout.write("".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text))
    sys.stdout.flush()


def _nothing(_: str) -> None:
    """Programs get the result only."""


def _lines(result: AgentRunResult) -> list[str]:
    used = result.tokens_used
    spent = Spent(None if used is None else used.input, None if used is None else used.output, result.cost_usd)
    seconds = f"{result.duration_ms / 1000:.1f} s"
    words = [result.backend, result.model or "", seconds, spent_text(spent)]
    return ["", clean(", ".join(word for word in words if word))]
