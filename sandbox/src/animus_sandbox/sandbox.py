"""A sandbox, from the private files it needs to the command line that enters it."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from animus_sandbox.availability import NAMESPACES, Bubblewrap
from animus_sandbox.broker import Broker
from animus_sandbox.control_group import ControlGroup, make_control_group
from animus_sandbox.errors import SETUP_FAILED_EXIT_CODE, SandboxSpecError, SandboxUnavailableError
from animus_sandbox.mounts import INSIDE, LIBRARY, Mount, mount_arguments, mounts_of, system_files
from animus_sandbox.program import interpreter
from animus_sandbox.spec import HOME, SHELL, Limits, SandboxSpec, checked, refuse_keys
from animus_sandbox.upstream import FIRST_PORT, upstream_url

__all__ = ["Sandbox"]

_USER: Final = "1000"
_FOLDER_PREFIX: Final = "animus-sandbox-"
_DEFAULTS: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "GIT_OPTIONAL_LOCKS": "0",  # git status must not want to write to the repository
}
_DECIDED: Final = {
    "HOME": HOME,
    "USER": "agent",
    "LOGNAME": "agent",
    "SHELL": SHELL,
    "TMPDIR": "/tmp",  # noqa: S108 - inside
    "IS_SANDBOX": "1",
}
_ENTER: Final = (
    'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || { '
    'echo "animus-sandbox: the control group $1 cannot be entered" >&2; '
    f"exit {SETUP_FAILED_EXIT_CODE}; }}; shift; n=$((n - 1)); done; "
    'exec "$@"'
)
"""Enter the control groups, whose number is the first argument, and become what follows them."""
_RUN: Final = f"import sys; sys.path.insert(0, {LIBRARY!r}); from animus_sandbox.inside.start import main; main()"


class Sandbox:
    """Made when entered as a context, gone with everything in it when left.

    Its command line may be started as often as one likes in between; each start is a sandbox of its own with the same
    broker.

    Attributes:
        urls: for each upstream what the program must take for its address.
        environment: all of the environment to start the command line with.
    """

    def __init__(self, spec: SandboxSpec, bubblewrap: Bubblewrap) -> None:
        """Check what is asked for; nothing is made yet.

        Raises:
            SandboxSpecError: it would not hold.
        """
        self._spec = checked(spec)
        self._bubblewrap = bubblewrap
        self._left = contextlib.ExitStack()
        self._words: list[str] = []
        self.urls = [upstream_url(upstream, position) for position, upstream in enumerate(spec.upstreams)]
        self.environment = _DEFAULTS | dict(spec.environment) | _DECIDED

    def __enter__(self) -> Self:
        """Make the private files, the broker and the control group.

        Raises:
            SandboxSpecError: the worktree's repository cannot be trusted.
            SandboxUnavailableError: a limit cannot be kept here, or a file not be made.
        """
        with contextlib.ExitStack() as stack:
            try:
                folder = _private_folder()
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                broker = stack.enter_context(Broker(self._spec.upstreams, folder))
                group = _limited(self._spec.limits, folder.name.removeprefix(_FOLDER_PREFIX))
                stack.callback(group.remove)
                self._words = self._command(folder, broker, group)
            except OSError as error:
                raise SandboxUnavailableError(f"the sandbox's own files cannot be made: {error}") from error
            self._left = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.close()

    def argv(self, program: Sequence[str]) -> list[str]:
        """The command line that runs `program` inside; start it from the thread that waits for it.

        The program is killed when that thread ends. Its exit code is passed on, a death by signal n as 128 + n.

        Raises:
            SandboxSpecError: there is no program, or an argument holds a key that is to stay outside.
        """
        if not program or not self._words:
            raise SandboxSpecError("the sandbox is not entered, or there is no program to run in it")
        refuse_keys(self._spec, list(program), "the command line")
        return [*self._words, *program]

    def _command(self, folder: Path, broker: Broker, group: ControlGroup) -> list[str]:
        limits, worktree = self._spec.limits, str(self._spec.worktree)
        sockets = [Mount(path, Path(INSIDE) / path.name) for path in broker.sockets]
        settings = {
            "limits": _resource_limits(limits),
            "bridges": [[FIRST_PORT + place, str(mount.target)] for place, mount in enumerate(sockets)],
        }
        mounts = mount_arguments(mounts_of(self._spec, folder), [*system_files(folder), *sockets], limits.tmp_bytes)
        bubblewrap = [str(self._bubblewrap.program), *NAMESPACES, "--uid", _USER, "--gid", _USER, "--cap-drop", "ALL"]
        bubblewrap += ["--hostname", "agent", "--die-with-parent", "--new-session", *mounts, "--chdir", worktree, "--"]
        inside = [str(interpreter()[0]), "-I", "-S", "-c", _RUN, json.dumps(settings)]
        return ["/bin/sh", "-c", _ENTER, "sh", str(len(group.folders)), *group.entries(), *bubblewrap, *inside]


def _resource_limits(limits: Limits) -> dict[str, int]:
    wanted = {
        "memory": limits.memory_bytes,
        "processes": limits.processes,
        "files": limits.open_files,
        "cpu": limits.cpu_seconds,
        "core": 0,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _limited(limits: Limits, name: str) -> ControlGroup:
    group = make_control_group(name, memory=limits.memory_bytes, processes=limits.processes)
    if os.getuid() == 0 and limits.processes is not None and "pids" not in group.controllers:
        group.remove()
        raise SandboxUnavailableError(
            "the number of processes cannot be limited: the kernel exempts root, and no control group could be made "
            "below /sys/fs/cgroup; run as an ordinary user, make the pids controller writable, or ask for no such limit"
        )
    return group


def _private_folder() -> Path:
    """A folder only this user can enter; those that dead processes left behind are removed on the way."""
    top = Path(tempfile.gettempdir())
    for left in top.glob(f"{_FOLDER_PREFIX}*"):
        pid = left.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists() and left.lstat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-")).resolve()
