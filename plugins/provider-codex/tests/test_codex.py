"""The real program, headless, against a scripted server of models."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pytest

from animus_scripted_api import CallTool, Conversation, Fail, Junk, Reply, Say, Stall, Think, Truncate, Usage

pytestmark = pytest.mark.ci

PROGRAM = os.environ.get("ANIMUS_TEST_CODEX")  # read here: no test sees the variables of a surrounding daemon
TESTED_VERSION = "0.169.0"
_KEY = "sk-real-0123456789abcdef"
_SURVIVORS_SECONDS = 60.0
_WAIT_SECONDS = 60
_STRICT = {
    "type": "object",
    "properties": {"verdict": {"type": "string"}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_TOOLS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    tools = [{"name": name, "description": name, "inputSchema": {"type": "object"}} for name in ("add", "drop")]
    text = f"secret {sys.argv[1]}"
    found = {
        "initialize": {
            "protocolVersion": asked.get("params", {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "sums", "version": "1"},
        },
        "tools/list": {"tools": tools},
        "tools/call": {"content": [{"type": "text", "text": text}]},
    }
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": found.get(asked["method"], {})}), flush=True)
"""


@pytest.fixture
def program():
    assert PROGRAM, "ANIMUS_TEST_CODEX must name the real program: npm install --prefix DIR @openai/codex"
    return PROGRAM


@pytest.fixture
def run_id():
    return f"run-{uuid.uuid4()}"


@pytest.fixture
def codex_home():
    """Not below /tmp: the program's own sandbox does not find its helper there."""
    with tempfile.TemporaryDirectory(prefix="animus-codex-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def worktree(tmp_path):
    folder = tmp_path / "worktree"
    folder.mkdir()
    return folder


@pytest.fixture
def start(program, codex_home, start_host):
    """A host whose provider runs the real program against `api`."""

    def start(api):
        return start_host(
            ANIMUS_CODEX_PROGRAM=program,
            ANIMUS_CODEX_BASE_URL=api.openai_url,
            OPENAI_API_KEY=_KEY,
            CODEX_HOME=str(codex_home),
        )

    return start


@pytest.fixture
def params(worktree, run_id):
    def params(**more):
        return {
            "prompt": "do it",
            "cwd": str(worktree),
            "model": "scripted-1",
            "session_id": "s-1",
            "control_session_id": "s-1",
            "permission_mode": "danger-full-access",
            "timeout_secs": _WAIT_SECONDS,
            "env": {"ANIMUS_RUN_ID": run_id},
        } | more

    return params


def survivors(run_id):
    """The processes that carry the run in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if run_id.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:100])
        except OSError:
            continue
    return found


def wait_for(file):
    deadline = time.monotonic() + _WAIT_SECONDS
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} was not made"
        threading.Event().wait(0.02)


def test_version_is_the_one_the_readme_names(program):
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=_WAIT_SECONDS)
    assert TESTED_VERSION in done.stdout
    assert TESTED_VERSION in (Path(__file__).parent.parent / "README.md").read_text()


def test_plain_answer(scripted_api, start, params):
    api = scripted_api(Reply((Think("hm"), Say("all good")), Usage(input=120, output=7, cached=20)))
    host = start(api)
    asked = params(system_prompt="BE BRIEF", reasoning_effort="low", prompt="say it")
    result = host.ask("agent/run", asked)
    assert (result["output"], result["exit_code"], result["model"]) == ("all good", 0, "scripted-1")
    assert result["tokens_used"] == {"input": 100, "output": 7, "cached": 20}
    assert result["thinking"] == ["hm"]
    assert result["errors"] == []
    assert host.notes("agent/sessionStarted")[0]["resume_id"] == result["resume_id"]
    request = api.requests[0]
    assert (request.model, request.api_key, request.json["reasoning"]["effort"]) == ("scripted-1", _KEY, "low")
    assert "BE BRIEF" in request.text
    assert "say it" in request.text


def test_tool_round_writes_a_real_file(scripted_api, start, params, worktree):
    host = start(scripted_api(CallTool("shell", {"command": "echo hi > made.txt; echo out"}), Say("done")))
    result = host.ask("agent/run", params())
    assert (worktree / "made.txt").read_text() == "hi\n"
    assert result["output"] == "done"
    assert "out" in str(result["tool_results"])
    assert [call["name"] for call in host.notes("agent/toolCall")] == ["shell"]
    assert host.notes("agent/toolResult")[0]["success"]


def test_cancel_in_the_middle_of_a_tool_call_leaves_nothing(scripted_api, start, params, worktree, run_id):
    command = "(setsid sleep 300 &) ; setsid nohup sleep 300 & echo x > begun; sleep 300"
    host = start(scripted_api(CallTool("shell", {"command": command}), Say("never")))
    request = host.start("agent/run", params())
    wait_for(worktree / "begun")
    assert len(survivors(run_id)) >= 4
    began = time.monotonic()
    assert host.ask("agent/cancel", {"session_id": "s-1"})["cancelled"]
    error = host.answer(request)["error"]
    assert survivors(run_id) == []
    assert time.monotonic() - began < _SURVIVORS_SECONDS
    assert (error["code"], error["data"]["category"]) == (-32002, "cancelled")
    assert error["data"]["resume_id"]


@pytest.mark.parametrize(
    "trouble",
    [[Fail(429, retry_after=1)], [Say("half"), Truncate(40)], [Junk("this is no answer")], [Fail(500)]],
    ids=["429", "truncated", "junk", "500"],
)
def test_trouble_that_passes_is_survived(scripted_api, start, params, trouble):
    host = start(scripted_api(trouble, Say("after all")))
    assert host.ask("agent/run", params())["output"] == "after all"


@pytest.mark.parametrize(
    ("status", "failure", "category"),
    [(401, "auth", "unavailable"), (429, "provider_exhaustion", "run_failed"), (503, "transient", "run_failed")],
)
def test_trouble_that_stays_is_told_apart(scripted_api, start, params, status, failure, category):
    host = start(scripted_api(Conversation([Fail(status)], repeat_last=True)))
    overrides = [f"model_providers.animus.{name}_max_retries=1" for name in ("request", "stream")]
    error = host.fault("agent/run", params(config_overrides=overrides))
    assert (error["data"]["failure"], error["data"]["category"]) == (failure, category)
    assert error["data"]["resume_id"]


def test_model_that_does_not_exist_is_told_apart(scripted_api, start, params):
    host = start(
        scripted_api(Conversation([Fail(404, message="The model `scripted-1` does not exist")], repeat_last=True))
    )
    error = host.fault("agent/run", params())
    assert error["data"]["category"] == "model_not_supported"


def test_server_that_stalls_runs_into_the_time_limit(scripted_api, start, params, run_id):
    host = start(scripted_api(Stall(300)))
    error = host.fault("agent/run", params(timeout_secs=2))
    assert (error["code"], error["data"]["failure"]) == (-32003, "transient")
    assert survivors(run_id) == []


def test_session_is_resumed_and_its_tokens_are_not_counted_twice(scripted_api, start, params):
    api = scripted_api(
        Reply((Say("noted"),), Usage(input=100, output=5, cached=10)),
        Reply((Say("it was 42"),), Usage(input=200, output=6, cached=50)),
    )
    first = start(api).ask("agent/run", params(prompt="remember MARK-42"))
    second = start(api).ask("agent/resume", params(prompt="what was it", session_id=first["resume_id"]))
    assert second["output"] == "it was 42"
    assert second["resume_id"] == first["resume_id"]
    assert "MARK-42" in api.requests[1].text
    assert second["tokens_used"] == {"input": 150, "output": 6, "cached": 50}


def test_lost_session_is_told_apart(scripted_api, start, params):
    error = start(scripted_api(Say("never"))).fault("agent/resume", params(session_id=str(uuid.uuid4())))
    assert error["data"]["category"] == "session_start_failed"


def test_structured_answer_is_asked_of_the_server(scripted_api, start, params):
    api = scripted_api(Say('{"verdict": "advance"}'))
    result = start(api).ask("agent/run", params(response_schema=_STRICT))
    assert result["decision_verdict"] == {"verdict": "advance"}
    assert api.requests[0].json["text"]["format"]["schema"] == _STRICT


def test_tools_of_a_server_are_offered_as_policy_says_and_called(scripted_api, start, params, tmp_path):
    script = tmp_path / "tools.py"
    script.write_text(_TOOLS)
    server = {"command": "sh", "args": ["-c", f'exec python3 "{script}" "$WORD"'], "env": {"WORD": "it's"}}
    api = scripted_api(CallTool("add", {}, server="sums"), Say("3"))
    host = start(api)
    policy = {"allow": ["Bash", "mcp__sums__add"]}
    result = host.ask(
        "agent/run", params(mcp_servers={"sums": server}, tools=policy, permission_mode="workspace-write")
    )
    assert result["output"] == "3"
    assert (host.notes("agent/toolCall")[0]["name"], host.notes("agent/toolCall")[0]["server"]) == ("add", "sums")
    assert "secret it's" in str(host.notes("agent/toolResult")[0]["output"])
    offered = str(api.requests[0].json["tools"])
    assert "spawn_agent" not in offered
    assert "web_search" not in offered
    assert "drop" not in [tool["name"] for group in api.requests[0].json["tools"] for tool in group.get("tools", [])]


@pytest.mark.parametrize(
    ("more", "is_written"),
    [
        ({"permission_mode": None}, True),
        ({"permission_mode": "read-only"}, False),
        ({"permission_mode": None, "tools": {"deny": ["Edit", "Write"]}}, False),
    ],
)
def test_commands_may_write_as_policy_says(scripted_api, start, params, worktree, more, is_written):
    host = start(scripted_api(CallTool("shell", {"command": "echo x > made.txt"}), Say("done")))
    assert host.ask("agent/run", params(**more))["output"] == "done"
    assert (worktree / "made.txt").exists() is is_written


@pytest.fixture
def linked_worktree(tmp_path):
    """What an agent in a sandbox works in: a worktree of a repository that it may read."""
    repository, folder = tmp_path / "repository", tmp_path / "linked"
    who = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    for words in (
        ["init", "-q", str(repository)],
        ["-C", str(repository), *who, "commit", "-q", "--allow-empty", "-m", "the first"],
        ["-C", str(repository), "worktree", "add", "-q", str(folder)],
    ):
        subprocess.run(["git", *words], check=True, timeout=_WAIT_SECONDS)
    return folder


_LOOK = """
git log --format=%s > seen.txt
echo "key=$OPENAI_API_KEY" >> seen.txt
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >> seen.txt
find "$CODEX_HOME" /tmp /run /home -type f -exec cat {} + 2>/dev/null >> seen.txt
touch /usr/x 2>> seen.txt
echo home=$HOME uid=$(id -u) >> seen.txt
(setsid sleep 300 &)
"""


def test_sandboxed_run_works_through_the_broker_and_never_sees_the_key(
    scripted_api, start, params, linked_worktree, run_id
):
    api = scripted_api(CallTool("shell", {"command": _LOOK}), Say("done"), Say("again"))
    host = start(api)
    asked = params(cwd=str(linked_worktree), sandbox="bubblewrap", permission_mode=None)
    result = host.ask("agent/run", asked)
    assert result["output"] == "done"
    assert {request.api_key for request in api.requests} == {_KEY}
    seen = (linked_worktree / "seen.txt").read_text(errors="replace")
    assert "the first" in seen
    assert "home=/home/agent uid=1000" in seen
    assert "Read-only file system" in seen
    assert "key=" in seen
    assert _KEY not in seen
    assert survivors(run_id) == []
    again = host.ask("agent/resume", asked | {"session_id": result["resume_id"]})
    assert (again["output"], again["resume_id"]) == ("again", result["resume_id"])


def test_sandboxed_run_is_cancelled_without_survivors(scripted_api, start, params, linked_worktree, run_id):
    command = "(setsid sleep 300 &) ; echo x > begun; sleep 300"
    host = start(scripted_api(CallTool("shell", {"command": command}), Say("never")))
    asked = params(cwd=str(linked_worktree), sandbox="bubblewrap", permission_mode=None)
    request = host.start("agent/run", asked)
    wait_for(linked_worktree / "begun")
    began = time.monotonic()
    host.ask("agent/cancel", {"session_id": "s-1"})
    assert host.answer(request)["error"]["code"] == -32002
    assert survivors(run_id) == []
    assert time.monotonic() - began < _SURVIVORS_SECONDS


def test_missing_bubblewrap_is_refused(scripted_api, start_host, program, params, tmp_path):
    (tmp_path / "bin").mkdir(exist_ok=True)
    (tmp_path / "bin" / "node").symlink_to(shutil.which("node") or "/usr/bin/node")
    host = start_host(PATH=str(tmp_path / "bin"), ANIMUS_CODEX_PROGRAM=program, OPENAI_API_KEY=_KEY)
    error = host.fault("agent/run", params(sandbox="bubblewrap", permission_mode=None))
    assert error["data"]["category"] == "unavailable"
    assert "install bubblewrap" in error["message"]
