"""What every run of this process shares: where it keeps things, the journal, the clock, the phases' hands."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from animus_process import ProcessLedger
from animus_workflow_runner_default.clock import Clock, SystemClock
from animus_workflow_runner_default.engine.metrics import PhaseDurations
from animus_workflow_runner_default.journal.suppression import SuppressionTable
from animus_workflow_runner_default.journal.thread import JournalThread
from animus_workflow_runner_default.phases.agent_phase import AgentPhase
from animus_workflow_runner_default.phases.command_phase import CommandPhase
from animus_workflow_runner_default.phases.outcome import safe_name
from animus_workflow_runner_default.phases.suppression import Suppression
from animus_workflow_runner_default.programs.processes import Processes

__all__ = ["Services"]

FOLDERS_KEPT = 512
"""Of how many runs it is remembered that their directory is there; it is asked for at every step."""


class Services:
    """The shared parts, made once per process and project.

    Attributes:
        project_root: the project.
        state_dir: the project's state directory, outside of it.
        worktrees: where the runs' worktrees are.
    """

    def __init__(
        self,
        project_root: Path,
        state_dir: Path,
        *,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
        open_journal: Callable[[Path], JournalThread] = JournalThread,
    ) -> None:
        """Open the journal.

        Raises:
            JournalError: it cannot be used.
        """
        self.project_root = project_root
        self.state_dir = state_dir
        self.worktrees = state_dir / "worktrees"
        self._runs = state_dir / "runs"
        self._folders: dict[str, Path] = {}
        # A copy: `os.environ` encodes and decodes at each look, and every command's environment is made from it.
        self.environ = dict(os.environ) if environ is None else environ
        self.clock: Clock = SystemClock() if clock is None else clock
        self.processes = Processes(ProcessLedger(state_dir / "processes"))
        self.durations = PhaseDurations()
        self.journal = open_journal(state_dir / "workflow.db")
        self.commands = CommandPhase(self.processes, self.clock, self.environ)
        suppression = Suppression(self.clock, SuppressionTable(self.journal))
        self.agents = AgentPhase(self.clock, self.environ, suppression)

    def artifacts(self, run_id: str) -> Path:
        """The directory of a run's files, made if need be."""
        known = self._folders.get(run_id)
        if known is not None:
            return known
        path = self._runs / safe_name(run_id)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(self._folders) == FOLDERS_KEPT:
            self._folders.pop(next(iter(self._folders)))
        self._folders[run_id] = path
        return path

    def remove_artifacts(self, run_ids: Iterable[str]) -> None:
        """Remove the files of runs; blocks."""
        for run_id in run_ids:
            self._folders.pop(run_id, None)
            shutil.rmtree(self._runs / safe_name(run_id), ignore_errors=True)
