"""Kills the runner at every point of every flow, lets another one go on, and judges what became of the run.

``python plugins/workflow-runner-default/tests/crash/matrix.py [MINUTES] [WORKERS]`` runs the points in a fixed random
order, as many as the time allows, and writes `matrix.json`, from which ``docs/generate_crash_matrix_runner.py`` makes
the page. What an undisturbed run of the flow did is what every other one has to have done.
"""

import concurrent.futures
import contextlib
import importlib.util
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "matrix.json"
IDEMPOTENCY = ("idempotent", "unknown")


def _load_scene() -> Any:
    spec = importlib.util.spec_from_file_location("runner_crash_scene", FOLDER / "scene.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCENE = _load_scene()
CONFTEST, FLOWS, RUN = SCENE.CONFTEST, SCENE.FLOWS, SCENE.RUN


class Point(NamedTuple):
    """Where the runner of a flow dies: at the n-th point it comes to."""

    flow: str
    idempotency: str
    number: int


class Outcome(NamedTuple):
    """What became of it. `faults` is empty when nothing was lost, nothing doubled and everything said."""

    point: Point
    name: str
    """The point's name, empty if the run ended before it."""
    end: str
    repeated: int
    """Effects of attempts that were begun again."""
    faults: list[str]


class Ended(NamedTuple):
    """How a run went, as its journal and the ledger have it."""

    status: str
    rows: list[tuple[str, int, str, str | None]]
    effects: Counter[str]
    parked: list[dict[str, Any]]


def undisturbed(point: Point) -> tuple[Ended, list[str]]:
    """What the flow does when nobody disturbs it, and the points it comes to."""
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        scene = SCENE.Scene(Path(name), point.flow, point.idempotency)
        parked: list[dict[str, Any]] = []
        try:
            host = scene.start(0)
            host.initialize(host_calls=True)
            status = SCENE.drive(host, parked)
            ended = Ended(status, SCENE.brief(SCENE.rows_of(host)), scene.effects(), parked)
        finally:
            scene.stop()
        if status != "completed" or parked or set(ended.effects.values()) != {1}:
            raise AssertionError(f"{point.flow}, undisturbed: {ended}")
        return ended, scene.passed()


def run_point(point: Point, wanted: Ended) -> Outcome:
    """Make one point happen, in a directory of its own."""
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    scene = SCENE.Scene(folder, point.flow, point.idempotency)
    name, end, repeated = "", "stuck", 0
    try:
        has_died = kill(scene, point)
        passed = scene.passed()
        name = passed[point.number - 1] if has_died and len(passed) >= point.number else ""
        end, repeated, faults = judge(scene, point, wanted)
        if not has_died and len(passed) >= point.number:
            faults.append("it was to die and did not")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the point's fault and is told
        faults = [f"{type(error).__name__}: {error}"]
    finally:
        scene.stop()
    faults += SCENE.left_behind(scene)
    if faults:
        sys.stdout.write(f"{point} {name!r}: {faults}; see {folder}\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome(point, name, end, repeated, faults)


def kill(scene: Any, point: Point) -> bool:
    """Drive the run until its runner dies; whether it did."""
    host = scene.start(point.number)
    try:
        host.initialize(host_calls=True)
        SCENE.drive(host, [])
    except (ConnectionError, BrokenPipeError):
        host.process.wait(CONFTEST.EXIT_SECONDS)
        return True
    host.close()
    return False


def judge(scene: Any, point: Point, wanted: Ended) -> tuple[str, int, list[str]]:
    """Let another runner go on; how it ended, how many effects were repeated, and what is wrong."""
    host = scene.start(None)
    host.initialize(host_calls=True)
    faults: list[str] = []
    ended_before: set[str] = set()
    with contextlib.suppress(CONFTEST.RpcError):  # nothing of the run may have been kept yet
        ended_before = {
            keys[0] for row in SCENE.rows_of(host) if row["status"] != "running" for keys in [key_of(row, wanted)]
        }
    before = scene.effects()
    parked: list[dict[str, Any]] = []
    status = SCENE.drive(host, parked)
    after = scene.effects()
    if status != "completed":
        faults.append(f"it ended as {status}")
    rows = SCENE.brief(SCENE.rows_of(host))
    if rows != wanted.rows:
        faults.append(f"its attempts are {rows}, not {wanted.rows}")
    if after.keys() != wanted.effects.keys():
        faults.append(f"effects lost or invented: {sorted(after.keys() ^ wanted.effects.keys())}")
    again = [key for key in ended_before if after[key] > before[key]]
    if again:
        faults.append(f"committed and ran again: {again}")
    repeated = {key: count for key, count in after.items() if count > 1}
    faults += faults_of_repetition(repeated, point, parked)
    faults += faults_of_parking(parked, point)
    faults += faults_of_records(scene, host)
    return ("parked" if parked else "completed"), len(repeated), faults


def key_of(row: dict[str, Any], wanted: Ended) -> list[str]:
    """The ledger's line for an attempt; a phase that has no effect has none."""
    for line in wanted.effects:
        place, _, number = line.partition(" ")[2].rpartition(".attempt-")
        if int(number) == row["attempt"] and (place == row["path"] or place.startswith(safe(row["path"]))):
            return [line]
    return [""]


def safe(path: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in path)


def faults_of_repetition(repeated: dict[str, int], point: Point, parked: list[dict[str, Any]]) -> list[str]:
    if len(repeated) > 1 or any(count > 2 for count in repeated.values()):
        return [f"begun again more than once: {repeated}"]
    if repeated and point.idempotency == "unknown" and not parked:
        return [f"doubled without asking: {repeated}"]
    return []


def faults_of_parking(parked: list[dict[str, Any]], point: Point) -> list[str]:
    faults = []
    if len(parked) > 1:
        faults.append(f"parked {len(parked)} times")
    for waiting in parked:
        if point.idempotency == "idempotent":
            faults.append(f"parked although it may be repeated: {waiting}")
        is_said = waiting["kind"] == "blocked" and "may have had effects" in waiting["reason"]
        if not is_said or waiting["command"] != f"animus workflow resume {RUN} --force":
            faults.append(f"it waits and does not say why, or how it is freed: {waiting}")
    return faults


def faults_of_records(scene: Any, host: Any) -> list[str]:
    """Log, checkpoints and the repository are whole."""
    faults = []
    log = host.call("workflow/inspect", {"what": "notifications", "workflow_id": RUN})["value"]["notifications"]
    numbers = [line["seq"] for line in log]
    if numbers != sorted(set(numbers)):
        faults.append(f"the log's numbers are {numbers}")
    checkpoints = host.call("workflow/inspect", {"what": "checkpoints", "workflow_id": RUN})["value"]
    if not checkpoints:
        faults.append("no checkpoint is there")
    landed = scene.flow.landed
    if landed is not None:
        if scene.git("log", "--format=%h", "main", "--", landed).count("\n"):
            faults.append("its work was brought in twice")
        if scene.git("show", f"main:{landed}") != "new" or scene.git("status", "--porcelain"):
            faults.append(f"the checkout is not as it should be: {scene.git('status', '--porcelain')}")
        if scene.git("worktree", "list").count("\n") or "animus/" in scene.git("branch", "--list"):
            faults.append("worktree or branch stayed")
    return faults


def main(arguments: list[str]) -> int:
    """Run points until the time is over; returns 1 when one went wrong."""
    minutes = float(arguments[0]) if arguments else 60.0
    workers = int(arguments[1]) if len(arguments) > 1 else 2
    chosen = arguments[2] if len(arguments) > 2 else ""
    deadline = time.monotonic() + minutes * 60
    points: list[tuple[Point, Ended]] = []
    for flow in FLOWS.FLOWS:
        for idempotency in IDEMPOTENCY:
            if chosen in flow:
                wanted, passed = undisturbed(Point(flow, idempotency, 0))
                points += [(Point(flow, idempotency, number + 1), wanted) for number in range(len(passed))]
    sys.stdout.write(f"{len(points)} points\n")
    random.Random(8).shuffle(points)  # noqa: S311 - an order, no secret
    outcomes: list[Outcome] = []

    def one(item: tuple[Point, Ended]) -> None:
        if time.monotonic() < deadline:
            outcomes.append(run_point(*item))
            if len(outcomes) % 20 == 0:
                sys.stdout.write(f"{len(outcomes)} of {len(points)}\n")
                sys.stdout.flush()

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, points))
    if not chosen:
        write(outcomes, len(points))
    return int(any(outcome.faults for outcome in outcomes))


def write(outcomes: list[Outcome], possible: int) -> None:
    """Keep what was found, sorted, for the page."""
    rows = [{**outcome._asdict(), "point": outcome.point._asdict()} for outcome in sorted(outcomes)]
    body = ",\n".join(json.dumps(row) for row in rows)
    RESULTS.write_text(f'{{"possible": {possible}, "outcomes": [\n{body}\n]}}\n')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
