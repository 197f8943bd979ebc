"""Targets that failed lately in a way that lasts: they are asked after the others for a while."""

import datetime
from collections.abc import Mapping
from typing import Protocol

from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.phases.agent_state import AgentTarget

__all__ = ["LONGEST_SUPPRESSION_SECONDS", "SUPPRESSION_SECONDS", "Suppression", "SuppressionBook"]

SUPPRESSION_SECONDS = 300.0
"""How long a target that is exhausted or unavailable is asked last, where its provider does not say."""
LONGEST_SUPPRESSION_SECONDS = 3_600.0


class SuppressionBook(Protocol):
    """Where suppressions outlive the process."""

    async def suppressed(self, now: datetime.datetime) -> Mapping[AgentTarget, datetime.datetime]:
        """Until when each target is suppressed that still is."""
        ...

    async def suppress(self, target: AgentTarget, until: datetime.datetime) -> None:
        """Write down that a target is suppressed."""
        ...

    async def lift(self, target: AgentTarget) -> None:
        """Write down that it is not any more."""
        ...


class Suppression:
    """The suppressed targets; shared by all runs of the process, and with the ones after it through `book`.

    A suppressed target is asked after the others, never left out: it may be the only one.
    """

    def __init__(self, clock: Clock, book: SuppressionBook | None = None) -> None:
        self._clock = clock
        self._book = book
        self._is_recalled = book is None
        self._until: dict[AgentTarget, float] = {}

    async def recall(self) -> None:
        """Know what earlier processes found out; done once."""
        if self._book is None or self._is_recalled:
            return
        self._is_recalled = True
        now = self._clock.now()
        for target, until in (await self._book.suppressed(now)).items():
            self._until.setdefault(target, self._clock.monotonic() + _bounded((until - now).total_seconds()))

    async def suppress(self, target: AgentTarget, seconds: float | None) -> None:
        """Ask `target` last from now on.

        Args:
            target: what failed.
            seconds: how long its provider says; bounded here.
        """
        length = SUPPRESSION_SECONDS if seconds is None else _bounded(seconds)
        self._until[target] = self._clock.monotonic() + length
        if self._book is not None:
            await self._book.suppress(target, self._clock.now() + datetime.timedelta(seconds=length))

    async def lift(self, target: AgentTarget) -> None:
        """It works again."""
        if self._until.pop(target, None) is not None and self._book is not None:
            await self._book.lift(target)

    def is_suppressed(self, target: AgentTarget) -> bool:
        """Whether it is asked last now."""
        return self._until.get(target, float("-inf")) > self._clock.monotonic()

    def ordered(self, targets: list[AgentTarget]) -> list[AgentTarget]:
        """The targets with the suppressed ones behind the others."""
        return sorted(targets, key=self.is_suppressed)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_SUPPRESSION_SECONDS)
