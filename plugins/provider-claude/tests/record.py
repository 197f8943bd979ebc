"""Record what the real program prints, for the tests that replay it: ``python record.py PROGRAM``.

Run it when a new version of the program is taken in, look at what changed, and keep the files. Paths and ids of the
machine are replaced.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import InteractionRequested, ProgramInput
from animus_agent_cli.request import AgentRequest, ApprovalPolicy
from animus_provider_claude.conversation import ClaudeConversation
from animus_scripted_api import CallTool, Fail, Say, ScriptedApi, Think

_FOLDER = Path(__file__).parent / "recorded"
_SCHEMA = {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}
_QUESTION = {
    "question": "Which one?",
    "header": "Pick",
    "options": [{"label": "A", "description": "a"}, {"label": "B", "description": "b"}],
    "multiSelect": False,
}
_ASK = ApprovalPolicy("ask")
_SHELL = CallTool("Bash", {"command": "echo hello > made.txt; cat made.txt", "description": "make a file"})
_LIMIT_SECONDS = 60
_INIT_KEYS = (
    "type",
    "subtype",
    "cwd",
    "session_id",
    "tools",
    "mcp_servers",
    "model",
    "permissionMode",
    "apiKeySource",
    "claude_code_version",
    "uuid",
)

SCRIPTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "plain": ([Say("Hello there.")], {}),
    "tool": ([[Think("a file is needed"), Say("I make a file."), _SHELL], Say("Done.")], {}),
    "approval": ([_SHELL, Say("Done.")], {"approvals": _ASK}),
    "question": ([CallTool("AskUserQuestion", {"questions": [_QUESTION]}), Say("Done.")], {"approvals": _ASK}),
    "structured": ([CallTool("StructuredOutput", {"verdict": "advance"})], {"response_schema": _SCHEMA}),
    "retried": ([Fail(429, retry_after=0), Say("Hello there.")], {}),
    "exhausted": ([Fail(429, retry_after=3600)], {}),
    "unauthorised": ([Fail(401)], {"environment": {"CLAUDE_CODE_MAX_RETRIES": "0"}}),
    "overloaded": ([Fail(529)], {"environment": {"CLAUDE_CODE_MAX_RETRIES": "0"}}),
    "no-such-model": ([Fail(404), Fail(404)], {}),
    "no-such-session": ([], {"resume_id": "00000000-0000-4000-8000-000000000000"}),
    "turns": ([_SHELL, Say("Done.")], {"extra_args": ("--max-turns=1",)}),
    "background": (
        [
            CallTool("Bash", {"command": "sleep 0.5; echo late", "run_in_background": True, "description": "wait"}),
            Say("I wait."),
            Say("It is over."),
        ],
        {},
    ),
}


def record(program: str, name: str) -> list[str]:
    """The lines that the program prints for one script."""
    turns, more = SCRIPTS[name]
    with tempfile.TemporaryDirectory() as place, ScriptedApi(*turns) as api:
        home, cwd, folder = (Path(place) / part for part in ("home", "work", "run"))
        for part in (home, cwd, folder):
            part.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **more.get("environment", {}),
        }
        facts = {"model": "claude-sonnet-4-5"} | more | {"environment": environment}
        request = AgentRequest(prompt="do it", cwd=cwd, folder=folder, **facts)
        lines = _run(program, ClaudeConversation(request), request)
        return [_scrubbed(line, place, api.url) for line in lines]


def _run(program: str, conversation: ClaudeConversation, request: AgentRequest) -> list[str]:
    command = conversation.command
    process = subprocess.Popen(
        [program, *command.args],
        cwd=request.cwd,
        env={**request.environment, **command.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    limit = threading.Timer(_LIMIT_SECONDS, process.kill)
    limit.start()
    lines: list[str] = []
    with process, process.stdin as stdin:
        _write(stdin, command.input)
        for line in process.stdout:
            lines.append(line.decode())
            for event in conversation.read(json.loads(line)) if line.startswith(b"{") else ():
                if isinstance(event, ProgramInput):
                    _write(stdin, event.data)
                elif isinstance(event, InteractionRequested):
                    _write(stdin, conversation.answer(event.interaction_id, Answer(is_allowed=True, text="B")))
                elif type(event).__name__ == "Finished" and not event.grace_seconds:
                    stdin.close()
    limit.cancel()
    return lines


def _write(stdin: Any, data: bytes) -> None:
    stdin.write(data)
    stdin.flush()


def _scrubbed(line: str, place: str, url: str) -> str:
    """The line without what belongs to this machine, and without long lists that nobody reads."""
    text = line.replace(place, "/recorded").replace(place.replace("/", "-"), "-recorded").replace(url, "http://model")
    text = re.sub(r"127\.0\.0\.1:\d+", "model", text)
    found = json.loads(text)
    if found.get("subtype") == "init":
        found = {name: found[name] for name in _INIT_KEYS if name in found}
    return json.dumps(found, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for script in sys.argv[2:] or SCRIPTS:
        (_FOLDER / f"{script}.jsonl").write_text("".join(record(sys.argv[1], script)), encoding="utf-8")
