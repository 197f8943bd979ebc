"""What every run of this process shares: where it keeps things, the journal, the clock, the phases' hands."""

import os
from collections.abc import Mapping
from pathlib import Path

from animus_process import ProcessLedger
from animus_workflow_runner_default.clock import Clock, SystemClock
from animus_workflow_runner_default.engine.metrics import PhaseDurations
from animus_workflow_runner_default.journal.thread import JournalThread
from animus_workflow_runner_default.phases.agent_phase import AgentPhase
from animus_workflow_runner_default.phases.command_phase import CommandPhase
from animus_workflow_runner_default.phases.outcome import safe_name
from animus_workflow_runner_default.programs.processes import Processes

__all__ = ["Services"]


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
    ) -> None:
        """Open the journal.

        Raises:
            JournalError: it cannot be used.
        """
        self.project_root = project_root
        self.state_dir = state_dir
        self.worktrees = state_dir / "worktrees"
        self.environ = os.environ if environ is None else environ
        self.clock: Clock = SystemClock() if clock is None else clock
        self.processes = Processes(ProcessLedger(state_dir / "processes"))
        self.durations = PhaseDurations()
        self.journal = JournalThread(state_dir / "workflow.db")
        self.commands = CommandPhase(self.processes, self.clock, self.environ)
        self.agents = AgentPhase(self.clock, self.environ)

    def artifacts(self, run_id: str) -> Path:
        """The directory of a run's files, made if need be."""
        path = self.state_dir / "runs" / safe_name(run_id)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path
