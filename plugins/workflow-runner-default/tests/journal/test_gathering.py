"""How long a transaction waits for the calls of other runs."""

from animus_workflow_runner_default.journal.gathering import MAX_BATCH, MOST_TURNS, QUIET_TURNS, Gathering


def shared() -> Gathering:
    gathering = Gathering()
    gathering.end(2)
    return gathering


def turns_waited(gathering: Gathering, waiting: list[int]) -> int:
    """How many of these turns, with so many calls waiting in each, the transaction waits for."""
    return next((turn for turn, count in enumerate(waiting) if not gathering.goes_on(count)), len(waiting))


def test_call_alone_waits_for_nobody():
    assert turns_waited(Gathering(), [1]) == 0
    gathering = shared()
    gathering.end(1)
    assert turns_waited(gathering, [1]) == 0


def test_transaction_of_a_crowd_waits_while_turns_bring_calls():
    assert turns_waited(shared(), [1, 2, 3] + [3] * 20) == 3 + QUIET_TURNS - 1


def test_full_transaction_waits_for_nobody():
    assert turns_waited(shared(), [MAX_BATCH]) == 0


def test_wait_has_an_end_though_calls_keep_coming():
    assert turns_waited(shared(), list(range(1, MAX_BATCH))) == MOST_TURNS


def test_each_transaction_gathers_anew():
    gathering = shared()
    first = turns_waited(gathering, [2] * 20)
    gathering.end(2)
    assert turns_waited(gathering, [2] * 20) == first == QUIET_TURNS
