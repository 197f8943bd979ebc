"""The plugin as a program: a request on its input, the whole result against a known one."""

import re

FLOW = """
tools_allowlist: [sh]
workflows: [{id: demo, worktree: skip, phases: [build, check]}]
phases:
  build: {mode: command, command: {program: sh, args: [-c, "echo built"]}}
  check: {mode: command, command: {program: sh, args: [-c, "test $ANIMUS_PHASE_ATTEMPT = 2"], category: test}}
"""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
EXPECTED_EVENTS = [
    {"kind": "started", "phase_id": "build", "attempt": 1, "mode": "command"},
    {
        "kind": "decision",
        "phase_id": "build",
        "attempt": 1,
        "verdict": "advance",
        "confidence": 1.0,
        "reason": "exit code 0",
    },
    {
        "kind": "completed",
        "phase_id": "build",
        "attempt": 1,
        "status": "completed",
        "mode": "command",
        "reason": "exit code 0",
    },
    {"kind": "started", "phase_id": "check", "attempt": 1, "mode": "command"},
    {"kind": "decision", "phase_id": "check", "attempt": 1, "verdict": "rework", "confidence": 1.0},
    {"kind": "completed", "phase_id": "check", "attempt": 1, "status": "rework", "mode": "command"},
    {"kind": "started", "phase_id": "check", "attempt": 2, "mode": "command"},
    {
        "kind": "decision",
        "phase_id": "check",
        "attempt": 2,
        "verdict": "advance",
        "confidence": 1.0,
        "reason": "exit code 0",
    },
    {
        "kind": "completed",
        "phase_id": "check",
        "attempt": 2,
        "status": "completed",
        "mode": "command",
        "reason": "exit code 0",
    },
]


def test_result_of_an_execute_request_is_the_known_one(host, define, project):
    define(FLOW)
    result = host.execute("demo", workflow_id="11111111-2222-3333-4444-555555555555")
    events = result.pop("phase_events")
    assert all(MOMENT.fullmatch(event.pop("ts")) for event in events)
    for event, expected in zip(events, EXPECTED_EVENTS, strict=True):
        assert {key: event[key] for key in expected} == expected
    results = result.pop("phase_results")
    assert [(item["phase_id"], item["status"], item.get("next_phase_id")) for item in results] == [
        ("build", "completed", "check"),
        ("check", "rework", "check"),
        ("check", "completed", None),
    ]
    assert results[0]["outcome"]["result"]["stdout_excerpt"] == "built"
    assert results[1]["outcome"]["result"]["failure_category"] == "test_failed"
    assert result.pop("total_duration_secs") >= 0
    assert result == {
        "workflow_id": "11111111-2222-3333-4444-555555555555",
        "workflow_ref": "demo",
        "workflow_status": "completed",
        "subject_id": "task:TASK-1",
        "execution_cwd": str(project),
        "phases_requested": ["build", "check"],
        "phases_completed": 2,
        "phases_total": 2,
        "post_success": None,
        "success": True,
    }
