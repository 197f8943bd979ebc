"""What a run does once its last phase advanced: bring its work in as the author asked for, then clear up."""

import datetime

import msgspec

from animus_workflow_runner_default.authoring.model import Workflow
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent
from animus_workflow_runner_default.engine.notice import NoticeError, Notifier, completion_notice
from animus_workflow_runner_default.engine.owned_run import OwnedRun
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.transition import Moved, await_merge, complete, move
from animus_workflow_runner_default.repository.git import Git, GitError
from animus_workflow_runner_default.repository.landing import (
    Landing,
    blocked_report,
    clear_up,
    has_landed,
    ready_to_land,
)
from animus_workflow_runner_default.repository.strategy import MergeBlockedError
from animus_workflow_runner_default.unbroken import unbroken

__all__ = ["Ending"]

_replace = msgspec.structs.replace


class Ending:
    """The end of one run that this process owns.

    Attributes:
        notifier: reaches people; None where the host does not offer that.
    """

    def __init__(self, services: Services, state: OwnedRun, workflow: Workflow, git: Git) -> None:
        self._services = services
        self._state = state
        self._workflow = workflow
        self._git = git
        self._is_cleared = False
        self.notifier: Notifier | None = None

    async def land(self) -> None:
        """Do what ``post_success`` asks for and complete the run; park it where a person has to help."""
        services, state = self._services, self._state
        # A crash may have come after the merge was journalled, and even after the branch was cleared up.
        if not has_landed(state.run):
            try:
                async with ready_to_land(
                    self._git, state.run, self._workflow, services.project_root, services.worktrees
                ) as landing:
                    await unbroken(self._bring_in(landing))
            except MergeBlockedError as blocked:
                report = blocked_report(state.run, self._workflow, blocked)
                await state.transition(lambda: Moved(await_merge(state.run, report, self._now())))
                return
            except GitError as error:
                problem = f"post_success.merge: {error}"
                await state.transition(lambda: Moved(move(state.run, RunEvent.FAIL, self._now(), problem)))
                return
        await self.clear_up()
        await self._notify()
        await state.transition(lambda: Moved(complete(state.run, self._now())))

    async def _notify(self) -> None:
        """Tell people, if the author wants that. A run is not held up, or failed, by a notifier."""
        post_success, state = self._workflow.post_success, self._state
        if post_success is None or not post_success.notify:
            return
        said = "not notified: this host offers no calls"
        if self.notifier is not None:
            at = timestamp(self._now())
            notice = completion_notice(state.run, str(self._services.project_root), at, post_success.message)
            try:
                said = f"notified: {await self.notifier(notice)}"
            except NoticeError as error:
                said = f"not notified: {error}"
        await state.transition(lambda: Moved(_replace(state.run, notes=[*state.run.notes, said])))

    async def _bring_in(self, landing: Landing) -> None:
        """The point of no return: no signal comes between the move of the branch and the journal's knowing of it."""
        state = self._state
        async with state.lock:
            if state.run.status in FINAL:
                return
            if landing.intent is not None:
                await state.write(_replace(state.run, merge=landing.intent))
            report = await landing.bring_in()
            if report is not None:
                await state.write(_replace(state.run, merge=report))

    async def clear_up(self) -> None:
        """Remove the worktree as far as the author wants that and nothing is lost; done once."""
        if self._is_cleared:
            return
        self._is_cleared = True
        state = self._state
        try:
            kept = await clear_up(self._git, state.run, self._workflow, self._services.project_root)
        except GitError as error:
            kept = str(error)
        if kept is not None:
            await state.write(_replace(state.run, merge={**(state.run.merge or {}), "worktree_kept": kept}))

    def _now(self) -> datetime.datetime:
        return self._services.clock.now()
