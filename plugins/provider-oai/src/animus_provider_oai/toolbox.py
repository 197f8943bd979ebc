"""The tools at work, in one folder."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from animus_process import ProcessLedger
from animus_provider_oai.ending import RunControl
from animus_provider_oai.file_tool import edit_file, list_folder, read_file, write_file
from animus_provider_oai.limits import TOOL_OUTPUT_BYTES, Limits
from animus_provider_oai.program import ProgramCall, ProgramEnd, ProgramError, run_program
from animus_provider_oai.task import Task
from animus_provider_oai.tool import ASK, TOOLS, Tool, may_use
from animus_provider_oai.worktree import Worktree, WorktreeError

__all__ = ["SEARCH_SECONDS", "Enclosure", "ToolOutput", "Toolbox"]

SEARCH_SECONDS: Final = 30.0
"""How long a search may take: a regular expression can take for ever."""
_MATCHES: Final = 200
_NO_MATCH: Final = 1
_ACTION_CHARACTERS: Final = 200


class Enclosure(Protocol):
    """A sandbox around commands."""

    environment: dict[str, str]
    """All that a command in it sees."""

    def argv(self, program: Sequence[str]) -> list[str]:
        """The command line that runs `program` in it."""
        ...


class ToolOutput(NamedTuple):
    """What a tool said. A failure is said to the model, which may do better."""

    text: str
    is_success: bool = True


class Toolbox:
    """What the model may use in this run."""

    def __init__(
        self,
        task: Task,
        ledger: ProcessLedger,
        control: RunControl,
        limits: Limits,
        *,
        enclosure: Enclosure | None = None,
        may_ask: bool = False,
    ) -> None:
        """Offer what the policies of `task` leave."""
        self._task = task
        self._ledger = ledger
        self._control = control
        self._limits = limits
        self._enclosure = enclosure
        self._worktree = Worktree(task.cwd)
        offered = [tool for tool in TOOLS if not (tool.changes_things and task.is_read_only)]
        offered += [ASK] if may_ask else []
        self._tools = {tool.name: tool for tool in offered if may_use(task.tools, tool)}

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """The tools as the endpoint is told of them."""
        return [tool.definition for tool in self._tools.values()]

    def find(self, name: str) -> Tool | None:
        """The tool of that name, if it may be used."""
        return self._tools.get(name)

    def action(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """What the call would do, in a line for people."""
        what = arguments.get("command") or arguments.get("path") or ""
        return f"{tool.name} {what}"[:_ACTION_CHARACTERS]

    def use(self, tool: Tool, arguments: dict[str, Any]) -> ToolOutput:
        """Use a tool, not `ASK`. What goes wrong is in the output.

        Raises:
            RunEndedError: the run ended meanwhile; nothing that the tool started is left.
        """
        try:
            if tool.name == "shell":
                return self._shell(arguments)
            if tool.name == "search":
                return self._search(arguments)
            work = {"read": read_file, "write": write_file, "edit": edit_file, "list": list_folder}[tool.name]
            return ToolOutput(work(self._worktree, arguments))
        except (WorktreeError, ProgramError) as error:
            return ToolOutput(str(error), is_success=False)

    def _shell(self, arguments: dict[str, Any]) -> ToolOutput:
        asked = arguments.get("timeout_seconds")
        limit = self._limits.shell_seconds if asked is None else min(max(1, asked), self._limits.shell_most_seconds)
        argv = ["/bin/sh", "-c", arguments["command"]]
        environment = dict(self._task.environment)
        if self._enclosure is not None:
            argv, environment = self._enclosure.argv(argv), dict(self._enclosure.environment)
        end = self._run(argv, environment, limit)
        text = _tail(end)
        if end.is_timed_out:
            return ToolOutput(f"{text}\n[ended: it ran longer than {limit:g} s]", is_success=False)
        return ToolOutput(f"{text}\n[exit code {end.exit_code}]".lstrip("\n"), end.exit_code == 0)

    def _search(self, arguments: dict[str, Any]) -> ToolOutput:
        with self._worktree.place(arguments.get("path") or ".") as place:
            request = {
                "pattern": arguments["pattern"],
                "path": place.path,
                "glob": arguments.get("glob"),
                "ignore_case": bool(arguments.get("ignore_case")),
                "most": _MATCHES,
            }
        argv = [sys.executable, "-P", "-m", "animus_provider_oai.searching", json.dumps(request)]
        end = self._run(argv, dict(self._task.environment), SEARCH_SECONDS)
        if end.is_timed_out:
            return ToolOutput(
                f"the search took longer than {SEARCH_SECONDS:g} s; take a simpler pattern", is_success=False
            )
        return ToolOutput(_tail(end).rstrip("\n"), end.exit_code in (0, _NO_MATCH))

    def _run(self, argv: list[str], environment: dict[str, str], seconds: float) -> ProgramEnd:
        call = ProgramCall(argv, self._worktree.root, environment, seconds, TOOL_OUTPUT_BYTES, self._task.run_id)
        return run_program(call, self._ledger, self._control)


def _tail(end: ProgramEnd) -> str:
    if not end.is_cut:
        return end.output.rstrip("\n")
    return f"[the last {TOOL_OUTPUT_BYTES} of {end.total_bytes} bytes]\n{end.output.rstrip()}"
