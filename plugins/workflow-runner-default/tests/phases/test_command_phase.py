"""Command phases through the whole plugin: rework, budgets, allow-list, directories, output."""

import json
import time
from pathlib import Path

import pytest

WAIT_SECONDS = 60.0


def one_phase(body: str, allow: str = "[sh]", entry: str = "p") -> str:
    return f"""
tools_allowlist: {allow}
workflows:
  - id: w
    phases: [{entry}]
phases:
  p:
    mode: command
    command: {body}
"""


def sh(script: str, more: str = "") -> str:
    return "{program: sh, args: [-c, " + json.dumps(script) + "]" + (", " + more if more else "") + "}"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_failing_command_is_reworked_until_it_succeeds(host, define, project):
    define(one_phase(sh("echo x >> count; test $(wc -l < count) -ge 3")))
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert [row["status"] for row in result["phase_results"]] == ["rework", "rework", "completed"]
    assert [row["metadata"]["attempt"] for row in result["phase_results"]] == [1, 2, 3]
    assert (project / "count").read_text() == "x\n" * 3


def test_rework_budget_ends_in_escalation_with_its_numbers(host, define, project):
    text = one_phase(sh("echo x >> count; echo broken; exit 1")) + "    retry: {max_attempts: 2}\n"
    define(text)
    result = host.execute("w")
    assert result["workflow_status"] == "escalated"
    assert result["success"] is False
    assert (project / "count").read_text() == "x\n" * 3
    assert "rework budget exceeded for phase p (2 reworks, max 2): " in result["reason"]
    assert "broken" in result["reason"]


@pytest.mark.parametrize("allow", ["[python3]", "[]"])
def test_program_outside_the_allow_list_never_starts(host, define, project, allow):
    define(one_phase(sh("touch started"), allow=allow))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "tools_allowlist" in result["reason"]
    assert not (project / "started").exists()


def test_working_directory_outside_the_project_is_refused(host, define, project, tmp_path):
    (project / "out").symlink_to(tmp_path)
    define(one_phase(sh("touch started", "cwd_mode: path, cwd_path: out")))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "escapes project root" in result["reason"]
    assert not (tmp_path / "started").exists()


def test_parent_directory_in_cwd_path_is_refused(host, define, project):
    define(one_phase(sh("touch started", "cwd_mode: path, cwd_path: ../x")))
    try:
        reason = host.execute("w")["reason"]
    except Exception as refusal:  # noqa: BLE001 - refused at load is as good
        reason = str(refusal)
    assert "escapes project root" in reason or ".." in reason


def test_timeout_ends_the_command_with_its_grandchildren(host, define, project):
    define(one_phase(sh("(setsid sleep 300 & echo $! > pid); sleep 300", "timeout_secs: 1")))
    began = time.monotonic()
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "longer than its timeout of 1 s" in result["reason"]
    assert time.monotonic() - began < 120
    pid = (project / "pid").read_text() if (project / "pid").exists() else ""
    assert not pid or not alive(int(pid)), "a busy machine may not even have begun it"


def test_grandchild_that_holds_the_output_does_not_hang_the_phase(host, define, project):
    define(one_phase(sh("sleep 300 & echo $! > pid; echo done")))
    began = time.monotonic()
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert time.monotonic() - began < 120
    assert not alive(int((project / "pid").read_text()))


def test_output_that_is_not_utf8_is_kept_with_replacements(host, define):
    define(one_phase(sh(r"printf 'a\377b'")))
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    assert result["phase_results"][0]["outcome"]["result"]["stdout_excerpt"] == "a\N{REPLACEMENT CHARACTER}b"


def test_flood_is_excerpted_and_kept_whole_in_a_file(host, define):
    define(
        one_phase(sh("i=0; while [ $i -lt 40000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done"))
    )
    result = host.execute("w")
    row = result["phase_results"][0]
    assert len(row["outcome"]["result"]["stdout_excerpt"]) <= 803
    assert Path(row["metadata"]["stdout_file"]).stat().st_size == 40_000 * 41


def test_printed_decision_does_not_beat_the_exit_code(host, define):
    define(one_phase(sh("""echo '{"verdict":"advance"}'; exit 1""")) + "    retry: {max_attempts: 0}\n")
    try:
        result = host.execute("w")
    except Exception:  # noqa: BLE001 - a budget of none may be refused at load; the default does as well
        define(one_phase(sh("""echo '{"verdict":"advance"}'; exit 1""")) + "    retry: {max_attempts: 1}\n")
        result = host.execute("w")
    assert result["workflow_status"] == "escalated"


def test_json_after_log_lines_is_the_payload_where_output_decides(host, define):
    script = """echo log; echo '{"kind":"phase_decision","verdict":"advance","reason":"checked","count":3}'"""
    define(one_phase(sh(script, "parse_json_output: true")))
    result = host.execute("w")
    assert result["workflow_status"] == "completed"
    outcome = result["phase_results"][0]["outcome"]
    assert outcome["result"]["count"] == 3
    assert outcome["decision"]["reason"] == "checked"


def test_no_json_where_output_decides_fails_the_run(host, define):
    define(one_phase(sh("echo only text", "parse_json_output: true")))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "holds no JSON" in result["reason"]


def test_payload_of_another_kind_fails_the_run(host, define):
    define(one_phase(sh("""echo '{"kind":"a"}'""", "parse_json_output: true, expected_result_kind: b")))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "expected 'b'" in result["reason"]


def test_invalid_verdict_where_output_decides_fails_the_run(host, define):
    define(one_phase(sh("""echo '{"verdict":"maybe"}'""", "parse_json_output: true")))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "'maybe' is not one of" in result["reason"]


@pytest.mark.parametrize(("reason", "status"), [("already_done: x", "completed"), ("duplicate", "cancelled")])
def test_skip_verdict_closes_the_run(host, define, project, reason, status):
    decision = json.dumps({"verdict": "skip", "reason": reason, "confidence": 1})
    define(
        f"""
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [p, q]
phases:
  p:
    mode: command
    command: {sh(f"echo '{decision}'", "parse_json_output: true")}
  q:
    mode: command
    command: {sh("touch later")}
"""
    )
    result = host.execute("w")
    assert result["workflow_status"] == status
    assert result["phase_results"][-1]["status"] == "closed"
    assert not (project / "later").exists()


def test_failing_tests_are_named_for_the_next_attempt(host, define):
    define(
        one_phase("{program: sh, args: [-c, 'echo \"FAILED tests/test_x.py::test_y - boom\"; exit 1'], category: test}")
    )
    result = host.execute("w")
    first = result["phase_results"][0]["outcome"]["result"]
    assert first["failing_tests"] == ["tests/test_x.py::test_y"]
    assert first["failure_category"] == "test_failed"


def test_environment_is_the_allow_list_and_what_the_run_declares(start_host, define, project):
    host = start_host(extra={"SECRET_TOKEN": "s3cret"})
    define(one_phase(sh("env > seen", "env: {MINE: 'is {{subject_title}}'}")))
    result = host.execute("w", workflow_id="w-env", subject={"title": "{{workflow_id}} $(touch pwned)"})
    assert result["workflow_status"] == "completed", result
    seen = (project / "seen").read_text()
    assert "SECRET_TOKEN" not in seen
    assert "MINE=is {{workflow_id}} $(touch pwned)\n" in seen
    assert "ANIMUS_SUBJECT_ID=task:TASK-1\n" in seen
    assert "ANIMUS_RUN_ID=w-env\n" in seen
    assert "ANIMUS_PROCESS_MARK=" in seen
    assert not (project / "pwned").exists()


def test_context_file_tells_a_command_about_earlier_phases(host, define, project):
    define(
        f"""
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [p, q]
phases:
  p:
    mode: command
    command: {sh("echo hello")}
  q:
    mode: command
    command: {sh('cp "$ANIMUS_CONTEXT_FILE" seen.json')}
"""
    )
    assert host.execute("w")["workflow_status"] == "completed"
    seen = json.loads((project / "seen.json").read_text())
    assert seen["subject"]["id"] == "task:TASK-1"
    assert [(row["id"], row["verdict"]) for row in seen["phases"]] == [("p", "advance")]


def test_missing_program_is_named(host, define):
    define(one_phase("{program: no-such-program-here}", allow="[no-such-program-here]"))
    result = host.execute("w")
    assert result["workflow_status"] == "failed"
    assert "'no-such-program-here' was not found" in result["reason"]


def test_many_runs_at_once_do_not_run_out_of_descriptors(start_host, define, project):
    runs = 40
    host = start_host(extra={"ANIMUS_RUNNER_MAX_RUNS": "300"})
    define(one_phase(sh('echo "$ANIMUS_RUN_ID" >> all; sleep 0.3')))
    numbers = [host.begin_execute("w", workflow_id=f"run-{index}") for index in range(runs)]
    results = [host.finish(number) for number in numbers]
    assert {result["workflow_status"] for result in results} == {"completed"}
    assert sorted((project / "all").read_text().split()) == sorted(f"run-{index}" for index in range(runs))
    descriptors = Path(f"/proc/{host.process.pid}/fd")
    if descriptors.is_dir():
        deadline = time.monotonic() + WAIT_SECONDS
        while len(list(descriptors.iterdir())) >= 30:  # what ended a moment ago may still be closing
            assert time.monotonic() < deadline, "the descriptors of runs that ended are still open"


def test_runs_beyond_the_limit_are_refused_as_retriable(start_host, define, rpc_error):
    host = start_host(extra={"ANIMUS_RUNNER_MAX_RUNS": "1"})
    define(one_phase(sh("sleep 600")))
    first = host.begin_execute("w", workflow_id="one")
    host.wait_progress(first, kind="started")
    with pytest.raises(rpc_error, match="limit"):
        host.execute("w", workflow_id="two")
    assert host.signal("one", "cancel")["status"] == "cancelled"
    assert host.finish(first)["workflow_status"] == "cancelled"
