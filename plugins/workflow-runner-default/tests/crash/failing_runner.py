"""The plugin, which kills itself with SIGKILL when it comes to the n-th point: ``failing_runner.py N NOTES``.

A point is a place where a death would be felt: around every commit of the journal that changes something, between the
steps of starting and ending a program, in the middle of a line of a log, before, during and after an agent's call.
Every point that is passed is noted with its name, so that the last line names the one at which the process died. N of
0 kills nobody and gives the list.
"""

import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from animus_workflow_runner_default import __main__ as plugin
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.notifications import NotificationLog
from animus_workflow_runner_default.programs.child import Child
from animus_workflow_runner_default.wire import host_agent

GATED_WORDS = 4
"""What stands before a program's own words while it waits at its gate."""
LOOKS = {
    "config",
    "diff",
    "merge-base",
    "rev-parse",
    "status",
    "symbolic-ref",
    "log",
    "rev-list",
    "show-ref",
    "worktree list",
}
"""Subcommands of git that change nothing: a death beside them is one beside their neighbours."""


class Points:
    """Counts the points, notes their names, and kills at one of them."""

    def __init__(self, number: int, notes: Path) -> None:
        self._number, self._passed = number, 0
        self._notes = notes.open("a", buffering=1)
        self._lock = threading.Lock()

    def reach(self, name: str) -> bool:
        """Whether this is the point; for those who have something to do before they die."""
        with self._lock:
            self._passed += 1
            self._notes.write(f"{name}\n")
            return self._passed == self._number

    def pass_by(self, name: str) -> None:
        """Die here, if this is the point."""
        if self.reach(name):
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def watch_journal(points: Points) -> None:
    """Points around every commit that changes something, named for what the transaction says of its run."""
    said: list[str] = []
    write, connect = Journal.write, sqlite3.connect

    def told_write(self, run, attempts=(), **more):
        attempts = list(attempts)
        parts = [f"{item.phase_id}-{item.attempt} {item.status}" for item in attempts]
        said.append(f"{run.status.value}/{run.stage}" + (f" ({', '.join(parts)})" if parts else ""))
        write(self, run, attempts, **more)

    class Watched(sqlite3.Connection):
        seen = 0

        def execute(self, sql, *rest):
            if not sql.upper().startswith("COMMIT") or self.total_changes == self.seen:
                return super().execute(sql, *rest)
            what, self.seen = "; ".join(said) or "another table", self.total_changes
            said.clear()
            points.pass_by(f"journal: before a commit | {what}")
            done = super().execute(sql, *rest)
            points.pass_by(f"journal: after a commit | {what}")
            return done

    def connect_watched(path, **options):
        return (
            connect(path, **options, factory=Watched) if str(path).endswith("workflow.db") else connect(path, **options)
        )

    Journal.write, sqlite3.connect = told_write, connect_watched


def watch_programs(points: Points) -> None:
    """Points between the steps of starting a program and of its end."""
    start, open_gate, wait_exit = Child.__init__, Child.open_gate, Child.wait_exit

    def started(self, argv, *rest):
        start(self, argv, *rest)
        self.name = name_of(argv)
        self.is_over = self.name is None
        if self.name is not None:
            points.pass_by(f"program: started, waits at its gate | {self.name}")

    def opened(self):
        if self.name is not None:
            points.pass_by(f"program: on record, not let go | {self.name}")
        open_gate(self)
        if self.name is not None:
            points.pass_by(f"program: let go | {self.name}")

    async def waited(self):
        code = await wait_exit(self)
        if not self.is_over:
            self.is_over = True
            points.pass_by(f"program: ended, not told to anybody | {self.name}")
        return code

    Child.__init__, Child.open_gate, Child.wait_exit = started, opened, waited


def name_of(argv) -> str | None:
    words = list(argv[GATED_WORDS:] if argv[0] == "/bin/sh" and argv[1] == "-c" and len(argv) > GATED_WORDS else argv)
    if words[0] != "git":
        return words[0]
    verb, *rest = [word for word, before in zip(words[1:], words, strict=False) if word[0] != "-" and before != "-c"]
    if verb == "worktree":
        verb = f"worktree {rest[0]}"
    return None if verb in LOOKS else f"git {verb}"


def watch_logs(points: Points) -> None:
    """A point in the middle of a line of the notifications log."""
    append = NotificationLog.append

    def torn(self, *bodies):
        for whole, body in enumerate(bodies):
            if points.reach(f"log: half a line | {body.get('kind', '')}"):
                if whole:
                    append(self, *bodies[:whole])
                with self.path.open("ab") as stream:
                    stream.write(b'{"seq": 1')
                die()
        return append(self, *bodies)

    NotificationLog.append = torn


def watch_agents(points: Points) -> None:
    """Points before an agent is called, while it works, and once it has answered."""
    call, tell = host_agent.HostAgentCaller.__call__, host_agent._tell

    async def called(self, request, listener):
        points.pass_by("agent: not called yet")
        reply = await call(self, request, listener)
        points.pass_by("agent: has answered")
        return reply

    def told(listener, note):
        points.pass_by("agent: at work, says something")
        tell(listener, note)
        points.pass_by("agent: at work, was heard")

    host_agent.HostAgentCaller.__call__, host_agent._tell = called, told


def main() -> int:
    points = Points(int(sys.argv[1]), Path(sys.argv[2]))
    del sys.argv[1:]
    for watch in (watch_journal, watch_programs, watch_logs, watch_agents):
        watch(points)
    return plugin.main()


if __name__ == "__main__":
    sys.exit(main())
