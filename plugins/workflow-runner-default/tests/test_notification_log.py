"""The notifications log: numbered whole lines, across processes, crashes and rotation."""

import json

import pytest

from animus_workflow_runner_default.journal.notifications import FILE_NAME, NotificationLog, read_notifications

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, phases: [a, b]}]
phases:
  a: {mode: command, command: {program: sh, args: [-c, ":"]}}
  b: {mode: manual, manual: {instructions: look}}
"""


def numbers(folder) -> list[int]:
    return [body["seq"] for body in read_notifications(folder)]


def test_events_are_numbered_and_read_back_in_order(tmp_path):
    log = NotificationLog(tmp_path)
    assert [log.append({"kind": kind}) for kind in ("a", "b")] == [1, 2]
    assert [body["kind"] for body in read_notifications(tmp_path)] == ["a", "b"]
    assert [body["kind"] for body in read_notifications(tmp_path, after=1)] == ["b"]
    assert len(read_notifications(tmp_path, limit=1)) == 1


@pytest.mark.parametrize("torn", [b'{"seq": 3, "ki', b'{"seq": 3}', b"\x00\x00"])
def test_line_that_a_crash_cut_short_is_removed_and_numbers_go_on(tmp_path, torn):
    log = NotificationLog(tmp_path)
    log.append({"kind": "a"})
    log.append({"kind": "b"})
    with (tmp_path / FILE_NAME).open("ab") as stream:
        stream.write(torn)
    assert numbers(tmp_path) == [1, 2], "a line without its end is not read"
    assert NotificationLog(tmp_path).append({"kind": "c"}) == 3
    lines = (tmp_path / FILE_NAME).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["a", "b", "c"]


def test_line_that_is_no_event_is_passed_over(tmp_path):
    log = NotificationLog(tmp_path)
    log.append({"kind": "a"})
    with (tmp_path / FILE_NAME).open("ab") as stream:
        stream.write(b"not json\n")
    assert NotificationLog(tmp_path).append({"kind": "b"}) == 2
    assert numbers(tmp_path) == [1, 2]


def test_full_log_is_rotated_and_numbers_go_on(tmp_path):
    log = NotificationLog(tmp_path, max_bytes=100)
    for _ in range(10):
        log.append({"kind": "x" * 20})
    assert (tmp_path / FILE_NAME).stat().st_size <= 100
    kept = numbers(tmp_path)
    assert kept == list(range(kept[0], 11))


def test_run_writes_its_events_and_a_second_runner_goes_on(start_host, define, state_dir):
    define(FLOW)
    first = start_host()
    first.execute("w", workflow_id="n1")
    first.kill()
    folder = state_dir / "runs" / "n1"
    before = [(body["seq"], body["kind"], body.get("phase")) for body in read_notifications(folder)]
    assert before == [
        (1, "run_started", None),
        (2, "phase_started", "a"),
        (3, "phase_completed", "a"),
        (4, "phase_started", "b"),
        (5, "phase_completed", "b"),
    ]
    second = start_host()
    second.signal("n1", "approve")
    second.call("workflow/execute", {"workflow_id": "n1"})
    told = second.call("workflow/inspect", {"what": "notifications", "workflow_id": "n1"})["value"]["notifications"]
    assert [body["seq"] for body in told] == list(range(1, len(told) + 1))
    assert told[-1]["kind"] == "run_completed"
