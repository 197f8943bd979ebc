"""Kill the queue at every named point of every kind of operation, and count what became of the operation.

Each cell of the matrix copies a prepared queue, starts the plugin so that it kills itself with SIGKILL the n-th time
it stands at the point, repeats the operation on one entry after the other until that happens, and asks a new process
what is there. What was acknowledged must be there; the operation that was under way must have happened whole
(``kept``) or not at all (``undone``); anything else raises.

``python plugins/queue-default/tests/promises/crash_matrix.py > docs/crash-matrix-queue.md`` writes the page.
"""

import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from animus_queue_default.clock import SystemClock
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.request import Request
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.storage.files import FAILPOINTS
from animus_queue_default.storage.store import Store

ENTRIES = 60
OFTEN = ("before-append", "mid-append", "before-fsync", "after-fsync")
"""Points that every operation passes; they kill at the second and fifth time too."""
FLOOR = 6_000
FOUNDING = ("before-founding", "mid-founding", "after-founding")
OPERATIONS = (
    "enqueue", "keyed enqueue", "lease", "renew", "completion", "release_pending", "hold", "drop", "reorder",
)  # fmt: skip
UNFENCED_NEEDS = {"renew", "completion", "release_pending"}
"""Operations on leases: a queue that is only founded has none."""
WAIT_SECONDS = 60.0


def _load_host():
    path = Path(__file__).parents[1] / "conftest.py"
    spec = importlib.util.spec_from_file_location("queue_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONFTEST = _load_host()


def counts(point):
    """Which times at the point kill."""
    return (1, 2, 5) if point in OFTEN else (1,)


def cells():
    """Every point with every operation that can get there."""
    return [
        (point, operation)
        for point, operation in itertools.product(FAILPOINTS, OPERATIONS)
        if not (point in FOUNDING and operation in UNFENCED_NEEDS)
    ]


INTRODUCTION = """\
# Kill matrix of the queue

The process of `animus-queue-default` is killed with SIGKILL at a named point while it serves one kind of operation:
at the points of an append the 1st, 2nd and 5th time it gets there, at the others the 1st time. Then a new process is
asked what is on the queue. `kept` means that the operation under way, which was not acknowledged yet, had happened as a
whole; `undone` that nothing of it had. Everything that was acknowledged before was there in every case, nothing else
was, and the queue went on working. The points of the founding are those of taking over a queue of the reference form,
which has no fenced leases yet. `not reached` means that the point does not come up in sixty operations.

A kill leaves what was written in the system's cache, so `before-fsync` is kept here. What a power cut may leave of an
unsynced batch, any of its sectors, is tried in `plugins/queue-default/tests/promises/test_recovery.py`.

Written by `plugins/queue-default/tests/promises/crash_matrix.py`; a test repeats a part of it in every run of the suite
and all of it in the tier `soak`.

"""


class Matrix:
    """Prepared queues in a directory, one for each need."""

    def __init__(self, root):
        self._root = root
        self._prepared = {}

    def cell(self, point, operation):
        """One cell: how often the operation under way was kept, undone, or the point not reached."""
        return Counter(self.run(point, operation, count) for count in counts(point))

    def run(self, point, operation, count):
        """One cell once: ``kept``, ``undone`` or ``not reached``."""
        with tempfile.TemporaryDirectory(dir=self._root) as name:
            case = Path(name)
            shutil.copytree(self._template(point in FOUNDING, operation in UNFENCED_NEEDS), case, dirs_exist_ok=True)
            return Case(case, operation).run(point, count)

    def _template(self, is_founding, is_leased):
        key = (is_founding, is_leased)
        if key not in self._prepared:
            target = self._root / f"template-{len(self._prepared)}"
            (target / "project").mkdir(parents=True)
            if is_founding:
                write_legacy(target / "project" / ".animus")
            else:
                prepare(target / "state" / "queue", is_leased=is_leased)
            self._prepared[key] = target
        return self._prepared[key]


def request(name):
    content = {"subject": {"kind": "animus.task", "id": name}, "workflow_ref": "standard"}
    return Request(
        subject=f"task:{name}",
        subject_key=name,
        workflow_ref="standard",
        dispatch=json.dumps(CONFTEST.dispatch(name) | content).encode(),
        priority=2,
    )


def prepare(directory, *, is_leased):
    """A queue with entries, segments of history, and enough waste that a compaction is due."""
    clock = SystemClock()
    store = Store(directory, clock, compaction_floor_bytes=FLOOR)
    queue, fenced = Queue(store, clock, LeaseTerms()), FencedQueue(store, clock, LeaseTerms(ttl_seconds=10_000))

    def act(do, *arguments):
        store.begin(create=True)
        result = do(*arguments)
        store.commit()
        return result

    turn = 0
    while len(list(directory.glob("history-*.log"))) < 2:
        turn += 1
        act(fenced.enqueue, request(f"gone-{turn}"), f"gone-{turn}")
        (entry,) = act(fenced.lease, 1, "old", [f"gone-{turn}"]).leased
        act(fenced.complete, fence_of(entry), Outcome.COMPLETED)
    for number in range(ENTRIES):
        act(fenced.enqueue, request(f"E{number:02}"), f"E{number:02}")
    if is_leased:
        for number in range(ENTRIES):
            act(fenced.lease, 1, "holder", [f"w{number}"])
    store._floor = 10**9
    while store._replica.waste < 2 * max(store.state.live_bytes, FLOOR):
        act(queue.drop, act(queue.enqueue, request("waste")).entry_id)
    store.close()


def write_legacy(directory):
    directory.mkdir()
    entries = [
        {"entry_id": f"e{number:02}", "dispatch": CONFTEST.dispatch(f"E{number:02}"), "status": "pending"}
        for number in range(ENTRIES)
    ]
    (directory / "queue.json").write_text(json.dumps({"entries": entries}))


class Case:
    """One queue, one operation, one kill."""

    def __init__(self, directory, operation):
        self._directory = directory
        self._operation = operation
        self._processes = []

    def run(self, point, count):
        try:
            before = None if point in FOUNDING else self._look()
            host, process = self._start(f"{point}:{count}")
            before = before or self._founded()
            acknowledged, under_way = self._operate(host, process, before)
            if process.poll() is None:
                return "not reached"
            if process.returncode != -signal.SIGKILL:
                raise AssertionError(f"the plugin ended with {process.returncode}: {process.stderr.read()!r}")
            return self._judge(before, acknowledged, under_way)
        finally:
            for process in self._processes:
                process.kill()
                process.wait(WAIT_SECONDS)
                for stream in (process.stdin, process.stdout, process.stderr):
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue

    def _start(self, failpoint=""):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_queue_default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._directory / "home"),
                "ANIMUS_QUEUE_FAILPOINT": failpoint,
                "ANIMUS_QUEUE_COMPACTION_FLOOR_BYTES": str(FLOOR if failpoint else 10**9),
                "ANIMUS_QUEUE_LEASE_TTL_SECS": "20000",
            },
        )
        self._processes.append(process)
        host = CONFTEST.Host(process.stdin, process.stdout)
        host.initialize(self._directory / "project", self._directory / "state")
        return host, process

    def _look(self):
        """What a new process says is on the queue, by subject and in order."""
        host, process = self._start()
        entries = host.call("queue/list", {"limit": 2000})["entries"]
        process.stdin.close()
        process.wait(WAIT_SECONDS)
        return {entry["subject_id"].removeprefix("task:"): entry for entry in entries}

    def _founded(self):
        return {
            f"E{number:02}": {"entry_id": f"e{number:02}", "status": "pending", "execution": None}
            for number in range(ENTRIES)
        }

    def _operate(self, host, process, before):
        """The subjects whose operation was acknowledged, and the one that was under way at the kill."""
        names = self._names(before)
        acknowledged = []
        for number, name in enumerate(names):
            try:
                self._ask(host, number, before[name])
            except (EOFError, BrokenPipeError):
                process.wait(WAIT_SECONDS)
                return acknowledged, name
            acknowledged.append(name)
        return acknowledged, None

    def _names(self, before):
        """The entries in the order the operation gets to them: a reorder moves the last to the front, and so on."""
        names = [name for name in before if name.startswith("E")]
        return names[::-1] if self._operation == "reorder" else names

    def _ask(self, host, number, entry):
        calls = {
            "enqueue": lambda: ("queue/enqueue", {"subject_dispatch": CONFTEST.dispatch(f"N{number:02}")}),
            "keyed enqueue": lambda: (
                "queue/v2/enqueue",
                {"subject_dispatch": CONFTEST.dispatch(f"N{number:02}"), "idempotency_key": f"N{number:02}"},
            ),
            "lease": lambda: ("queue/v2/lease", {"max": 1, "owner_id": "o", "workflow_ids": [f"n{number}"]}),
            "renew": lambda: ("queue/v2/lease/renew", {"execution": entry["execution"]}),
            "completion": lambda: (
                "queue/v2/completion",
                {"execution": entry["execution"], "status": "completed"},
            ),
            "release_pending": lambda: (
                "queue/v2/release_pending",
                {"execution": entry["execution"], "reason": "x"},
            ),
            "hold": lambda: ("queue/hold", {"entry_id": entry["entry_id"]}),
            "drop": lambda: ("queue/drop", {"entry_id": entry["entry_id"]}),
            "reorder": lambda: ("queue/reorder", {"entry_ids": [entry["entry_id"]]}),
        }
        answer = host.call(*calls[self._operation]())
        if answer.get("outcome", "applied") != "applied" or answer.get("changed") is False:
            raise AssertionError(f"{self._operation} was answered {answer}")

    def _judge(self, before, acknowledged, under_way):
        after = self._look()
        names = self._names(before)
        for name in names:
            done = self._is_done(name, names.index(name), before, after)
            if name in acknowledged and not done:
                raise AssertionError(f"{self._operation} of {name} was acknowledged and is lost")
            if name not in acknowledged and name != under_way and done:
                raise AssertionError(f"{self._operation} of {name} was never asked for and is there")
        number = names.index(under_way)
        kept = self._is_done(under_way, number, before, after)
        expected = set(before) | (
            {f"N{place:02}" for place in range(len(acknowledged) + kept)} if "enqueue" in self._operation else set()
        )
        if self._operation in {"completion", "drop"}:
            expected -= set(names[: len(acknowledged) + kept])
        if set(after) != expected:
            raise AssertionError(f"the queue holds {sorted(set(after) ^ expected)} too much or too little")
        host, _ = self._start()
        if not host.call("queue/enqueue", {"subject_dispatch": CONFTEST.dispatch("after")})["enqueued"]:
            raise AssertionError("the queue takes nothing any more")
        return "kept" if kept else "undone"

    def _is_done(self, name, number, before, after):
        entry = after.get(name)
        match self._operation:
            case "enqueue" | "keyed enqueue":
                return f"N{number:02}" in after
            case "completion" | "drop":
                return entry is None
            case "renew":
                return entry["execution"]["queue_lease"] != before[name]["execution"]["queue_lease"]
            case "reorder":
                order = list(after)
                return order.index(name) < order.index("E00")
            case operation:
                return entry["status"] == {"lease": "assigned", "release_pending": "pending", "hold": "held"}[operation]


def render(results):
    """The page for the counters of all cells."""
    lines = [
        *INTRODUCTION.splitlines(),
        "| killed at | " + " | ".join(OPERATIONS) + " |",
        "|---" * (len(OPERATIONS) + 1) + "|",
    ]
    for point in FAILPOINTS:
        row = [results.get((point, operation)) for operation in OPERATIONS]
        lines.append(f"| {point} | " + " | ".join("" if cell is None else show(cell) for cell in row) + " |")
    total = sum(sum(cell.values()) for cell in results.values())
    kinds = Counter(itertools.chain.from_iterable(cell.elements() for cell in results.values()))
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in ("kept", "undone", "not reached"))
    lines += ["", f"{total} runs: {counted}, 0 lost, 0 doubled.", ""]
    return "\n".join(lines)


def show(cell):
    """A cell's text."""
    return ", ".join(f"{kind} {cell[kind]}" for kind in ("kept", "undone", "not reached") if cell[kind])


def main():
    with tempfile.TemporaryDirectory() as root:
        matrix = Matrix(Path(root))
        results = {}
        for point, operation in cells():
            results[point, operation] = matrix.cell(point, operation)
            sys.stderr.write(f"{point}, {operation}: {show(results[point, operation])}\n")
    sys.stdout.write(render(results))


if __name__ == "__main__":
    main()
