"""Whatever happened before, the next call is bounded, allowed, and told with its reasons."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_workflow_runner_default.phases.agent_state import AgentCall, AgentState, AgentTarget
from animus_workflow_runner_default.phases.agent_tries import MAX_CALLS, GiveUp, Try, TryRules, Uncertain, next_try

TARGETS = [AgentTarget("one", None), AgentTarget("two", "m"), AgentTarget(None, "x")]
FAILURES = [
    "transient",
    "provider_exhaustion",
    "target_unavailable",
    "auth",
    "unknown",
    "interrupted",
    "unresumable",
    "provider_died",
]
rules = st.builds(
    TryRules,
    max_attempts=st.integers(1, 10),
    retry_on=st.lists(st.sampled_from(FAILURES[:5]), max_size=3),
    no_retry_on=st.lists(st.sampled_from(FAILURES[:5]), max_size=2),
    may_restart=st.booleans(),
)


def failed(step: Try, failure: str, number: int, *, has_session: bool, has_acted: bool) -> AgentCall:
    return AgentCall(
        session=f"s{number}",
        target=step.target,
        purpose=step.purpose,
        started_at="t",
        finished_at="t",
        number=step.number,
        failure=failure,
        reason=f"it was {failure}",
        resume_id=step.resume_id or ("own" if has_session else None),
        has_acted=has_acted,
    )


@given(rules, st.lists(st.tuples(st.sampled_from(FAILURES), st.booleans(), st.booleans()), min_size=MAX_CALLS))
def test_every_history_of_failures_comes_to_an_end(rule, history):
    calls: list[AgentCall] = []
    for number, (failure, has_session, has_acted) in enumerate(history):
        step = next_try(calls, TARGETS, rule)
        if not isinstance(step, Try):
            assert step.reason
            if isinstance(step, Uncertain):
                assert not rule.may_restart
                assert calls[-1].failure in {"interrupted", "unresumable", "provider_died"}
            return
        assert step.delay_seconds <= 120
        assert (step.purpose == "run") == (step.resume_id is None)
        is_lost = failure == "unresumable" and step.purpose == "run"
        calls.append(
            failed(step, "unknown" if is_lost else failure, number, has_session=has_session, has_acted=has_acted)
        )
        own = [call for call in calls if call.target == step.target and call.failure == "transient"]
        assert len(own) <= rule.max_attempts
        assert len(calls) <= MAX_CALLS
    assert isinstance(next_try(calls, TARGETS, rule), GiveUp | Try | Uncertain)


@given(rules, st.integers(0, 5), st.sampled_from(["interrupted", "provider_died"]))
def test_nothing_runs_again_after_an_interruption_without_leave(rule, before, loss):
    calls = [
        failed(Try(TARGETS[0], "run", None, 1, 0.0), "transient", number, has_session=False, has_acted=False)
        for number in range(before)
    ]
    lost = failed(Try(TARGETS[0], "run", None, 1, 0.0), loss, 99, has_session=False, has_acted=True)
    step = next_try([*calls, lost], TARGETS, rule)
    assert isinstance(step, Uncertain) == (not rule.may_restart)


def test_the_session_of_an_agent_whose_provider_died_is_resumed():
    rule = TryRules(3, [], [], may_restart=False)
    lost = failed(Try(TARGETS[0], "run", None, 1, 0.0), "provider_died", 1, has_session=True, has_acted=False)
    step = next_try([lost], TARGETS, rule)
    assert (step.purpose, step.resume_id, step.number) == ("resume", "own", 2)


LOST = [("run", "provider_died"), ("resume", "provider_died"), ("run", "interrupted")]
LAST = ["unresumable", "target_unavailable"]


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize(("purpose", "loss"), LOST)
def test_no_second_agent_begins_where_nobody_knows_what_the_first_one_did(purpose, loss, last):
    rule = TryRules(4, [], [], may_restart=False)
    acted = failed(Try(TARGETS[0], "run", None, 1, 0.0), "transient", 1, has_session=True, has_acted=True)
    lost = failed(Try(TARGETS[0], purpose, "own", 1, 0.0), loss, 2, has_session=True, has_acted=True)
    gone = failed(Try(TARGETS[0], "resume", "own", 1, 0.0), last, 3, has_session=True, has_acted=False)
    step = next_try([acted, lost, gone], TARGETS, rule)
    assert isinstance(step, Uncertain)
    assert ("provider died" in step.reason) == (loss == "provider_died")
    assert isinstance(next_try([acted, lost, gone], TARGETS, rule._replace(may_restart=True)), Try)


def test_an_agent_that_says_that_its_quota_is_used_up_hands_over_also_after_a_loss():
    rule = TryRules(4, [], [], may_restart=False)
    lost = failed(Try(TARGETS[0], "run", None, 1, 0.0), "provider_died", 1, has_session=True, has_acted=True)
    said = failed(Try(TARGETS[0], "resume", "own", 2, 0.0), "provider_exhaustion", 2, has_session=True, has_acted=True)
    step = next_try([lost, said], TARGETS, rule)
    assert (step.target, step.purpose) == (TARGETS[1], "run")


def test_a_session_whose_resumption_failed_in_passing_is_resumed_again():
    rule = TryRules(3, [], [], may_restart=False)
    acted = failed(Try(TARGETS[0], "run", None, 1, 0.0), "interrupted", 1, has_session=True, has_acted=True)
    resumption = next_try([acted], TARGETS, rule)
    lost = failed(resumption, "transient", 2, has_session=False, has_acted=False)
    again = next_try([acted, lost], TARGETS, rule)
    assert (again.purpose, again.resume_id) == ("resume", "own")


def test_a_state_written_by_a_newer_release_is_read():
    body = b'{"calls":[{"session":"s","target":["one",null],"purpose":"run","started_at":"t","later":1}],"more":2}'
    assert msgspec.json.decode(body, type=AgentState).calls[0].target == AgentTarget("one", None)
