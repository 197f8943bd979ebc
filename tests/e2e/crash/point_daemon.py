"""The daemon with an eye on the seam: at one frame between it and a plugin it kills itself, a plugin, or everything.

Everything else is the daemon's own. Frames are counted from the first one that brings work to the queue; each is noted
in a file, in order, before anybody acts on it, so that the notes say at which boundary the kill was.
"""

import functools
import json
import os
import signal
import sys
import threading
from pathlib import Path

from animus_kernel.__main__ import main as serve
from animus_kernel.machine import THIS_MACHINE
from animus_kernel.serving import daemon

VICTIMS = {"queue": b"animus_queue_default", "runner": b"animus_workflow_runner_default"}
SELF = {"daemon", "everything"}
FIRST = "queue/v2/enqueue"


def _children() -> list[int]:
    """Of every thread: the runtime starts plugins in one of its own."""
    files = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(word) for file in files for word in file.read_text().split()]


class Point:
    """Counts frames and kills `victim` at number `number`, or so many seconds later; 0 never."""

    def __init__(self, victim: str, number: int, delay: float, notes: Path) -> None:
        self._victim, self._number, self._delay = victim, number, delay
        self._notes = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._seen = 0
        self._asked: dict[tuple[str, str, str], str] = {}

    def __call__(self, direction: str, plugin: str, line: bytes) -> None:
        label = self._label(direction, plugin, line)
        if self._seen == 0 and FIRST not in label:
            return
        self._seen += 1
        os.write(self._notes, f"{label}\n".encode())
        if self._seen == self._number:
            os.write(self._notes, b"KILL\n")
            if self._delay:
                threading.Timer(self._delay, self._kill).start()
            else:
                self._kill()

    def _label(self, direction: str, plugin: str, line: bytes) -> str:
        frame = json.loads(line)
        other = "to_host" if direction == "to_plugin" else "to_plugin"
        method, identity = frame.get("method"), json.dumps(frame.get("id"))
        if method is None:
            said = "answer to " + self._asked.pop((other, plugin, identity), "nothing")
        else:
            said = method
            if method == "$/progress":
                said += f" {frame['params']['value'].get('kind')}"
            elif "id" in frame:
                self._asked[direction, plugin, identity] = method
        return f"{'->' if direction == 'to_plugin' else '<-'} {plugin.removeprefix('animus-')}: {said}"

    def _kill(self) -> None:
        words = [word for name, word in VICTIMS.items() if self._victim in {name, "everything"}]
        lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _children()}
        doomed = [pid for pid, line in lines.items() if any(word in line for word in words)]
        os.write(self._notes, f"KILLED {len(doomed) + (self._victim in SELF)}\n".encode())
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        if self._victim in SELF:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """``point_daemon.py VICTIM NUMBER DELAY NOTES`` and then the daemon's own words."""
    victim, number, delay, notes = sys.argv[1:5]
    del sys.argv[1:5]
    point = Point(victim, int(number), float(delay), Path(notes))
    watched = functools.partial(THIS_MACHINE.supervise, observers=(point,))
    daemon.Kernel = functools.partial(daemon.Kernel, machine=THIS_MACHINE._replace(supervise=watched))
    return serve()


if __name__ == "__main__":
    sys.exit(main())
