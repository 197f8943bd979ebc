"""Starting a daemon that outlives its starter, and stopping one. Imports no event loop."""

import json
import os
import select
import signal
import subprocess
import sys
import time

import msgspec

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.errors import ControlError, error_from_wire
from animus_control.project import Project
from animus_kernel.serving.instance import instance_holder
from animus_plugin_protocol.wire.control import DaemonStatusResult

__all__ = ["START_SECONDS", "start_daemon", "stop_daemon"]

START_SECONDS = 60.0
"""How long a daemon may take until it answers; the first start asks every plugin for its manifest."""

_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 2000
_POLL_SECONDS = 0.02


def start_daemon(project: Project, settings: DaemonSettings) -> DaemonStatusResult:
    """Start a detached daemon and wait until it answers.

    Raises:
        ControlError: ``conflict`` when one runs already; why it did not start, with the tail of its log.
    """
    project.ensure_state()
    if project.log_path.exists() and project.log_path.stat().st_size > _LOG_LIMIT_BYTES:
        project.log_path.replace(project.log_path.with_suffix(".previous.log"))
    ready, ready_fd = os.pipe()
    words = ["--project-root", str(project.root), "--ready-fd", str(ready_fd)]
    argv = [sys.executable, "-P", "-m", "animus_kernel", *words, "--settings", msgspec.json.encode(settings).decode()]
    descriptor = os.open(project.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        null, fds, cwd = subprocess.DEVNULL, [ready_fd], project.root
        process = subprocess.Popen(
            argv, cwd=cwd, stdin=null, stdout=descriptor, stderr=descriptor, start_new_session=True, pass_fds=fds
        )
    finally:
        os.close(ready_fd)
        os.close(descriptor)
    try:
        answer = _read_ready(ready)
        client = ControlClient.connect(project) if answer and not answer.startswith(b"{") else None
    except BaseException:
        process.kill()  # nobody would know of it
        process.wait()
        raise
    finally:
        os.close(ready)
    if client is None:
        process.kill()
        process.wait()
        if answer.startswith(b"{"):
            raise error_from_wire(json.loads(answer))
        log = project.log_path.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        message = f"the daemon does not answer (waited at most {START_SECONDS:.0f} s); {project.log_path} says:\n{log}"
        raise ControlError("unavailable", message, details={"log_path": str(project.log_path)})
    process.returncode = 0  # it is not ours to wait for
    with client:
        status: DaemonStatusResult = client.call("daemon/status")
        return status


def stop_daemon(project: Project, timeout_seconds: float = 60.0) -> bool:
    """Stop the project's daemon and wait until it is gone; False when there was none.

    Raises:
        ControlError: ``unavailable`` when it is still there after `timeout_seconds`.
    """
    holder = instance_holder(project)
    if holder is None:
        return False
    client = ControlClient.connect(project)
    if client is not None:
        with client:
            client.call("daemon/stop", timeout_seconds=timeout_seconds)
    elif holder.pid is not None:
        os.kill(holder.pid, signal.SIGTERM)  # it holds the lock, so the pid is its own
    deadline = time.monotonic() + timeout_seconds
    while instance_holder(project) is not None or holder.is_alive:
        if time.monotonic() > deadline:
            message = f"process {holder.pid} did not end in {timeout_seconds:.0f} s; end it with: kill -9 {holder.pid}"
            raise ControlError("unavailable", message, details={"pid": holder.pid})
        time.sleep(_POLL_SECONDS)
    return True


def _read_ready(ready: int) -> bytes:
    """What the daemon says of its start; nothing when it died or took too long."""
    if not select.select([ready], [], [], START_SECONDS)[0]:
        return b""
    return os.read(ready, 65536)
