"""Who may host a project."""

import os
import subprocess
import sys

import pytest

from animus_control.errors import ControlError
from animus_kernel.serving.instance import hold_instance, instance_holder


def test_second_host_is_told_who_the_first_is(project):
    with (
        hold_instance(project, "daemon"),
        pytest.raises(ControlError, match=rf"process {os.getpid()} \(daemon\)") as caught,
        hold_instance(project, "other"),
    ):
        pass
    assert caught.value.category == "conflict"
    assert caught.value.remediation["next_step"] == "animus daemon stop"


def test_lock_of_a_process_that_is_gone_is_free(project):
    code = (
        "import os, sys; from pathlib import Path; from animus_control.project import Project\n"
        "from animus_kernel.serving.instance import hold_instance\n"
        f"project = Project(*map(Path, {[str(part) for part in project]!r}))\n"
        "with hold_instance(project, 'daemon'): os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 9
    assert instance_holder(project) is None
    with hold_instance(project, "daemon"):
        assert instance_holder(project).pid == os.getpid()
