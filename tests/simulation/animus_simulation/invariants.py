"""What must hold, whatever went wrong: checked while things go wrong and when everything has come to rest."""

from collections import Counter
from collections.abc import Iterator

from animus_kernel.dispatch.run import ENDED_STATUSES, Step, queue_status_for
from animus_plugin_runtime.supervision import COOL_DOWN_SECONDS
from animus_queue_default.fault import QueueError
from animus_queue_default.model.status import Status
from animus_simulation.clocks import QueueClock
from animus_simulation.neighbour import NEIGHBOUR
from animus_simulation.programs import Place
from animus_simulation.snapshot import QueueSnapshot, RunSnapshot, read_queue, read_runs
from animus_simulation.stream import stream
from animus_simulation.timetable import judge_schedules
from animus_simulation.workflows import IDEMPOTENT
from animus_simulation.world import World

__all__ = ["judge_leases", "judge_now", "judge_promises", "judge_the_end"]

CALM_LEASES, CALM_SLACK_SECONDS = 2, 60.0
"""So many terms of a lease and seconds after the last fault, and a cool-down of the queue, everything is renewed."""

SETTLED_SECONDS = 1800.0
"""So long after the last fault nothing of it is felt any more."""

_BY_COMPLETION = "completion"


def judge_now(world: World) -> Iterator[str]:
    """What is wrong at this moment, with and without power."""
    yield from judge_promises(world)
    yield from world.machine.programs.overlaps
    yield from world.fences.problems
    yield from world.machine.agents.problems
    yield from _doubled(world)
    yield from judge_leases(world)


def judge_promises(world: World) -> Iterator[str]:
    """What was promised and is not so, or would not be if the power went now."""
    directory = world.project.state_dir / "queue"
    chance = stream(f"{world.seed}/peek/{world.loop.time()}")
    for name, without_power in (("", None), (" if the power goes", chance)):
        try:
            queue = read_queue(world.machine, directory, without_power=without_power)
        except QueueError as error:
            yield f"the queue cannot be read{name}: {error}"
            continue
        for problem in _promises(world, queue):
            yield problem + name


def judge_leases(world: World) -> Iterator[str]:
    """While nothing goes wrong no lease of a living daemon runs out."""
    daemon, quiet = world.daemon, world.loop.time() - world.machine.disturbed_at
    if daemon is None or daemon.kernel is None or daemon.kernel.dispatcher is None or not daemon.is_ready:
        return
    slack = COOL_DOWN_SECONDS + CALM_SLACK_SECONDS if world.machine.counts else CALM_SLACK_SECONDS
    if quiet < CALM_LEASES * world.plan.lease_seconds + slack:
        return
    for run in daemon.kernel.dispatcher.runs.values():
        lease = run.fence.queue_lease
        if run.may(Step.LOSE) and lease is not None and lease.expires_at < world.machine.now():
            yield f"the lease of {run.run_id} ran out although nothing went wrong for {quiet:.0f} s"


def judge_the_end(world: World) -> Iterator[str]:
    """What is wrong after the calm."""
    problems = [*world.loop.problems, *judge_now(world)]
    yield from problems
    if problems:
        return
    queue = read_queue(world.machine, world.project.state_dir / "queue")
    runs = read_runs(world.project.state_dir / "workflow.db")
    yield from _ends(world, queue, runs)
    yield from _verdicts(world, queue, runs)
    yield from _effects(world, runs)
    yield from _happenings(world, queue)
    if world.plan.has_schedules:
        yield from _schedules(world, queue)
    yield from world.unexplained


def _promises(world: World, queue: QueueSnapshot) -> Iterator[str]:
    """Nothing acknowledged is lost or there twice; nobody holds a subject twice."""
    keys = _keys_of(queue)
    yield from (f"key {key!r} is bound to {count} entries" for key, count in keys.items() if count > 1)
    for wish in world.notebook.acknowledged:
        if wish.entry_id not in queue.entry_ids:
            yield f"entry {wish.entry_id} of {wish.key} was acknowledged and is lost"
        elif not keys[wish.key]:
            yield f"{wish.key} was acknowledged and its key is not kept"
    yield from (f"entry {entry_id} is live and finished" for entry_id in queue.live.keys() & queue.finished.keys())
    holders = Counter(entry.subject for entry in queue.live.values() if entry.status is Status.ASSIGNED)
    yield from (f"subject {subject} is leased {count} times" for subject, count in holders.items() if count > 1)
    for entry_id in world.notebook.held:
        entry = queue.live.get(entry_id)
        if entry is not None and entry.status is not Status.HELD:
            yield f"entry {entry_id} was held with acknowledgement and is {entry.status.value}"
    for entry_id in world.notebook.dropped:
        if entry_id in queue.live:
            yield f"entry {entry_id} was dropped with acknowledgement and is there again"


def _ends(world: World, queue: QueueSnapshot, runs: dict[str, RunSnapshot]) -> Iterator[str]:
    """Everything has ended; nothing is stuck."""
    for wish in world.notebook.wishes.values():
        if wish.entry_id is None and not wish.is_refused:
            yield f"{wish.key} was never answered"
    now = QueueClock(world.machine).now()
    for entry in queue.live.values():
        if entry.status is Status.PENDING and not entry.is_due(now):
            continue  # the clock was set back, and its moment lies behind the calm
        grant = entry.standing.grant
        if grant is not None and grant.owner_id.startswith(NEIGHBOUR) and not grant.has_expired(now):
            continue  # so does the end of a dead host's lease
        run = runs.get(entry.standing.workflow_id or "")
        known = "no run" if run is None else f"run {run.run.status.value}, {run.run.waiting}"
        yield f"entry {entry.entry_id} of {entry.subject} is stuck: {entry.standing}; {known}"
    if world.machine.programs.running:
        yield f"programs still run: {world.machine.programs.running}"


def _verdicts(world: World, queue: QueueSnapshot, runs: dict[str, RunSnapshot]) -> Iterator[str]:
    """The queue says of each entry what the runner says of its run."""
    for item in queue.finished.values():
        run = runs.get(item.standing.workflow_id or "")
        if not item.finished_by.endswith(_BY_COMPLETION) or item.entry_id in world.notebook.ended_elsewhere:
            continue
        if run is None:
            if item.outcome.value != "failed":
                yield f"entry {item.entry_id} is {item.outcome.value} and there is no run"
        elif run.run.status.value not in ENDED_STATUSES:
            yield f"entry {item.entry_id} is {item.outcome.value}, its run {run.run.status.value}"
        elif queue_status_for(run.run.status.value) != item.outcome.value:
            yield f"entry {item.entry_id} is {item.outcome.value}, its run ended {run.run.status.value}"
    outcomes = {item.standing.workflow_id: item.outcome.value for item in queue.finished.values()}
    elsewhere = {queue.finished[one].standing.workflow_id for one in world.notebook.ended_elsewhere & {*queue.finished}}
    for run_id in world.notebook.cancelled - elsewhere:
        if outcomes.get(run_id) not in {"cancelled", "dropped"}:
            yield f"run {run_id} was cancelled with acknowledgement and its entry is {outcomes.get(run_id)}"


def _doubled(world: World) -> Iterator[str]:
    """No effect is doubled beyond what its phase allows."""
    for place, count in _counts(world).items():
        allowed = 1 + world.notebook.forced.get(place.run_id, 0) + world.machine.agents.handed_on[place]
        if place.phase_id not in IDEMPOTENT and count > allowed:
            yield f"{place} had {count} effects, {allowed} allowed"


def _counts(world: World) -> Counter[Place]:
    return Counter(effect.place for effect in world.machine.programs.effects)


def _effects(world: World, runs: dict[str, RunSnapshot]) -> Iterator[str]:
    """No effect is missing where the journal says that its phase completed."""
    counts = _counts(world)
    for run_id, found in runs.items():
        for attempt in found.attempts:
            place = Place(run_id, attempt.phase_id, attempt.attempt)
            is_done = attempt.decision is not None and attempt.decision.verdict == "advance"
            if attempt.mode in {"command", "agent"} and is_done and not counts[place]:
                yield f"{place} counts as done and had no effect"


def _happenings(world: World, queue: QueueSnapshot) -> Iterator[str]:
    """What a trigger reported is on the queue, or was; that it is there once is what the keys are for."""
    keys = _keys_of(queue)
    yield from (f"the happening {key} led to nothing" for key in world.machine.happenings.keys if not keys[key])


def _keys_of(queue: QueueSnapshot) -> Counter[str]:
    return Counter(bound.key for item in (*queue.live.values(), *queue.finished.values()) for bound in item.keys)


def _schedules(world: World, queue: QueueSnapshot) -> Iterator[str]:
    """Each moment has fired once, or was missed as its schedule says."""
    quiet = world.loop.time() - world.machine.disturbed_at
    yield from judge_schedules(
        world.project.state_dir,
        {*_keys_of(queue)},
        world.machine.now(),
        is_settled=quiet > SETTLED_SECONDS,
        longest_leap=world.machine.leaped,
    )
