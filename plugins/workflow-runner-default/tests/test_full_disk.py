"""Where nothing can be written, a run says so, keeps what was written, and goes on when there is room."""

import resource

import pytest

FLOW = """
tools_allowlist: [sh]
workflows: [{id: demo, worktree: skip, phases: [build]}]
phases:
  build: {mode: command, command: {program: sh, args: [-c, "true"]}}
"""


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limits of another process are Linux's")
def test_run_on_a_full_disk_says_what_is_the_matter_and_completes_when_there_is_room(host, define):
    define(FLOW)
    assert host.execute("demo", workflow_id="first")["workflow_status"] == "completed"
    before = resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))
    with pytest.raises(Exception, match=r"workflow\.db, cannot be used: .*goes on from there once that is mended"):
        host.execute("demo", workflow_id="second")
    resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, before)
    assert host.execute("demo", workflow_id="second")["workflow_status"] == "completed"
