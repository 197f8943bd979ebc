"""Which call comes next, decided from the calls that were: nothing here waits, writes or calls.

So a process that takes an attempt over decides as the one before it would have done.
"""

from collections.abc import Sequence
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import Runtime
from animus_workflow_runner_default.phases.agent_state import AgentCall, AgentTarget, Purpose
from animus_workflow_runner_default.phases.provider_error import (
    DIED,
    FAILS_OVER,
    INTERRUPTED,
    LONGEST_WAIT_SECONDS,
    TARGET_UNAVAILABLE,
    TRANSIENT,
    UNRESUMABLE,
    may_retry,
    retry_delay_seconds,
)

__all__ = ["MAX_CALLS", "GiveUp", "Try", "TryRules", "Uncertain", "next_follow_up", "next_try"]

DEFAULT_MAX_ATTEMPTS = 3
MAX_ATTEMPTS = 10
MAX_CALLS = 60
"""Calls of one attempt, over all targets, tries, continuations and interruptions."""


class Try(NamedTuple):
    """Call `target`, after a pause."""

    target: AgentTarget
    purpose: Purpose
    resume_id: str | None
    number: int
    delay_seconds: float


class GiveUp(NamedTuple):
    """No call can help; the reason names every target with its failure."""

    reason: str


class Uncertain(NamedTuple):
    """An agent was interrupted and its session is lost: it may have had effects, and nobody said it may run again."""

    reason: str


class TryRules(NamedTuple):
    """What the author says about failures."""

    max_attempts: int
    retry_on: Sequence[str]
    no_retry_on: Sequence[str]
    may_restart: bool
    """The phase may begin anew although an interrupted agent may have had effects."""

    @classmethod
    def of(cls, runtime: Runtime, *, may_restart: bool) -> "TryRules":
        """The rules of the settings of a phase."""
        attempts = max(1, min(runtime.max_attempts or DEFAULT_MAX_ATTEMPTS, MAX_ATTEMPTS))
        return cls(attempts, runtime.retry_on, runtime.no_retry_on, may_restart)

    def retries(self, failures: Sequence[AgentCall]) -> bool:
        """Whether a target that failed like this, in a row, is tried once more."""
        last = failures[-1]
        asked = last.retry_after_seconds or 0.0
        is_too_long = asked > LONGEST_WAIT_SECONDS
        failure = TRANSIENT if last.failure in {None, DIED} else last.failure
        return (
            not is_too_long
            and len(failures) < self.max_attempts
            and may_retry(failure, self.retry_on, self.no_retry_on)
        )


def next_try(calls: Sequence[AgentCall], targets: Sequence[AgentTarget], rules: TryRules) -> Try | GiveUp | Uncertain:
    """The next call of an attempt in which no agent came to a clean end yet.

    A target is tried while its failure is one to retry; a lasting failure (no quota, not there, no credentials) leads
    to the next target, any other ends the phase.

    Args:
        calls: all of them, each with an end.
        targets: whom to ask, in order.
        rules: see `TryRules`.
    """
    if len(calls) >= MAX_CALLS:
        return GiveUp(f"{MAX_CALLS} calls are the limit of one attempt. {_told(calls)}")
    if calls and _is_adrift(calls[-1], rules):
        return _after_interruption(calls, rules)
    for target in targets:
        failures = [call for call in calls if call.target == target and _counts(call)]
        if not failures:
            return _anew(target, 1, 0.0, calls, rules)
        last = failures[-1]
        if rules.retries(failures):
            delay = retry_delay_seconds(len(failures), last.retry_after_seconds)
            # A session that was to be gone on with has a past, also if this call did not come as far as to say so.
            has_past = last.has_acted or last.purpose == "resume" or last.failure == DIED
            resume_id = last.resume_id if has_past else None
            if resume_id is None:
                return _anew(target, len(failures) + 1, delay, calls, rules)
            return Try(target, "resume", resume_id, len(failures) + 1, delay)
        lasts = last.failure in FAILS_OVER or (last.retry_after_seconds or 0.0) > LONGEST_WAIT_SECONDS
        if not lasts:
            break
    return GiveUp(_told(calls))


def next_follow_up(said: AgentCall, purpose: Purpose, trailing: Sequence[AgentCall], rules: TryRules) -> Try | None:
    """The next call that goes on with a session which came to an end; None if that cannot be done any more.

    Args:
        said: the latest call that came to an end.
        purpose: what for.
        trailing: the calls since then, all failed.
        rules: see `TryRules`.
    """
    if said.resume_id is None:
        return None
    failures = [call for call in trailing if call.failure != INTERRUPTED]
    if failures and not rules.retries(failures):
        return None
    asked = failures[-1].retry_after_seconds if failures else None
    delay = retry_delay_seconds(len(failures), asked) if failures else 0.0
    return Try(said.target, purpose, said.resume_id, len(failures) + 1, delay)


def _is_adrift(last: AgentCall, rules: TryRules) -> bool:
    """Whether the rules of retries have no say: it was nobody's failure, or nobody knows what was done."""
    has_vanished = last.failure == DIED and last.resume_id is None and not rules.may_restart
    return has_vanished or last.failure in {INTERRUPTED, UNRESUMABLE}


def _after_interruption(calls: Sequence[AgentCall], rules: TryRules) -> Try | Uncertain:
    last = calls[-1]
    if last.failure == INTERRUPTED and last.resume_id is not None:
        return Try(last.target, "resume", last.resume_id, last.number, 0.0)
    return _anew(last.target, last.number, 0.0, calls, rules)


def _anew(
    target: AgentTarget, number: int, delay_seconds: float, calls: Sequence[AgentCall], rules: TryRules
) -> Try | Uncertain:
    """Begin with `target` from the start, unless an agent may have had effects that nobody knows of."""
    lost = None if rules.may_restart else _lost(calls)
    if lost is None:
        return Try(target, "run", None, number, delay_seconds)
    how = "'s provider died" if lost.failure == DIED else " was interrupted"
    session = "was not known yet" if lost.resume_id is None else f"is lost: {calls[-1].reason}"
    return Uncertain(f"the agent {lost.target}{how}, and its session {session}. It may have had effects")


def _lost(calls: Sequence[AgentCall]) -> AgentCall | None:
    """The call that ended without a word of its agent; None also if a later one reached the agent and had its word."""
    for call in reversed(calls):
        if call.failure in {INTERRUPTED, DIED}:
            return call
        if call.failure not in {UNRESUMABLE, TRANSIENT, TARGET_UNAVAILABLE}:
            return None
    return None


def _counts(call: AgentCall) -> bool:
    return call.failure is not None and call.failure not in {INTERRUPTED, UNRESUMABLE}


def _told(calls: Sequence[AgentCall]) -> str:
    """Every target with its latest failure and how often it was tried."""
    rows: dict[AgentTarget, list[AgentCall]] = {}
    for call in calls:
        if call.failure is not None:
            rows.setdefault(call.target, []).append(call)
    if len(rows) == 1:
        ((_, failed),) = rows.items()
        return failed[-1].reason or str(failed[-1].failure)
    return "; ".join(
        f"{target}: {failed[-1].reason or failed[-1].failure}" + (f" ({len(failed)} tries)" if len(failed) > 1 else "")
        for target, failed in rows.items()
    )
