"""Who is suspected, who is found out, and who may be executed beside whom."""

import msgspec
import pytest

from animus_kernel.dispatch.blame import Blame
from animus_kernel.dispatch.run import RunState, Step


@pytest.fixture
def runs(make_run):
    """Three runs of three entries."""
    made = [make_run() for _ in range(3)]
    for number, run in enumerate(made):
        run.entry = msgspec.structs.replace(run.entry, entry_id=f"entry-{number}")
    return made


@pytest.mark.parametrize(("times", "is_suspect", "is_culprit"), [(1, False, False), (2, True, False), (3, True, True)])
def test_table_of_attempts_that_broke_off(runs, times, is_suspect, is_culprit):
    blame = Blame()
    assert [blame.count(runs[0]) for _ in range(times)] == list(range(1, times + 1))
    assert (blame.is_suspect(runs[0]), blame.is_culprit(runs[0])) == (is_suspect, is_culprit)
    assert not blame.is_suspect(runs[1])
    blame.clear(runs[0])
    assert not blame.is_suspect(runs[0])


def test_progress_begins_the_count_anew_and_ends_the_suspicion(runs):
    blame = Blame()
    for _ in range(2):
        blame.count(runs[0])
    blame.clear(runs[0])
    assert not blame.is_suspect(runs[0])
    assert blame.count(runs[0]) == 1


def test_suspects_take_turns_and_nobody_else_waits(runs):
    blame = Blame()
    suspect, other, innocent = runs
    for run in (suspect, other):
        blame.count(run)
        blame.count(run)
    suspect.move(Step.START)
    assert suspect.state is RunState.RUNNING
    assert (blame.has_turn(other, runs), blame.has_turn(innocent, runs)) == (False, True)
    suspect.waits_inside = True  # for a person, perhaps for days
    assert blame.has_turn(other, runs)
    suspect.waits_inside = False
    suspect.move(Step.BREAK)
    assert blame.has_turn(other, runs)
