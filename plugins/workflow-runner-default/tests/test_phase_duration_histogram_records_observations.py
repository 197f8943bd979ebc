from animus_workflow_runner_default.engine.metrics import BOUNDS_SECONDS, PhaseDurations

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, phases: [a, b, gate]}]
phases:
  a: {mode: command, command: {program: sh, args: [-c, "sleep 0.06"]}}
  b: {mode: command, command: {program: sh, args: [-c, "echo x >> m; test $(grep -c x m) -ge 2"]}}
  gate: {mode: manual, manual: {instructions: look}}
"""


def test_observation_falls_into_the_first_bucket_that_holds_it():
    durations = PhaseDurations()
    for seconds in (0.01, 0.02, 10_000.0):
        durations.observe("command", "completed", seconds)
    (row,) = durations.rows()
    assert (row["count"], row["sum"]) == (3, 10_000.03)
    counts = dict(map(tuple, row["buckets"]))
    assert (counts[0.01], counts[0.05], counts[BOUNDS_SECONDS[-1]], counts[None]) == (1, 2, 2, 3)


def test_every_ended_attempt_is_one_observation_of_its_mode_and_end(host, define):
    define(FLOW)
    host.execute("w", workflow_id="h1")
    rows = host.call("workflow/inspect", {"what": "metrics"})["value"]["phase_duration_seconds"]
    counts = {(row["mode"], row["status"]): row["count"] for row in rows}
    assert counts == {("command", "completed"): 2, ("command", "rework"): 1}, "a gate that waits has not ended"
    completed = next(row for row in rows if row["status"] == "completed")
    assert completed["sum"] >= 0.06
    host.signal("h1", "cancel")
