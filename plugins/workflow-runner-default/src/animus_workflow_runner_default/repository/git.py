"""Git, as a program: one call, bounded, without a terminal, without our caller's ``GIT_*`` variables.

Hooks run: a project's hooks are part of its rules, and a commit they refuse is not made. Looking never writes
(``GIT_OPTIONAL_LOCKS=0``), so that asking about the user's checkout does not touch its index.
"""

import asyncio
import contextlib
import fcntl
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from animus_process import child_environment
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.programs.process_run import Program, run_program
from animus_workflow_runner_default.programs.processes import Processes

__all__ = ["Git", "GitAnswer", "GitError"]

GIT_TIMEOUT_SECONDS = 300.0
LOCK_TIMEOUT_SECONDS = 600.0
LOCK_PAUSE_SECONDS = 0.02
_FALLBACK_IDENTITY = {"user.name": "Animus", "user.email": "animus@localhost"}


_LOOKS = frozenset({"config", "diff", "merge-base", "rev-parse", "status", "symbolic-ref"})
"""Subcommands that change nothing and run no hooks, in the forms used here."""
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
    # What git would leave running behind our back would be ended with its parent: it is not started by our calls.
    "GIT_CONFIG_COUNT": "5",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "maintenance.auto",
    "GIT_CONFIG_VALUE_1": "false",
    "GIT_CONFIG_KEY_2": "core.fsmonitor",
    "GIT_CONFIG_VALUE_2": "false",
    # A merge moves files of one branch: it does not put the user's work away, and does not enter submodules.
    "GIT_CONFIG_KEY_3": "merge.autoStash",
    "GIT_CONFIG_VALUE_3": "false",
    "GIT_CONFIG_KEY_4": "submodule.recurse",
    "GIT_CONFIG_VALUE_4": "false",
}


class GitError(Exception):
    """Git refused or failed; the text is what it said."""


class GitAnswer(NamedTuple):
    """What a call ended with."""

    exit_code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Standard output without the line end."""
        return self.out.rstrip("\n")

    @property
    def message(self) -> str:
        """What git said, for people."""
        return "\n".join(part.strip() for part in (self.err, self.out) if part.strip()) or f"exit code {self.exit_code}"


class Git:
    """Runs git for one run; `scratch` takes the files its output goes to."""

    def __init__(self, processes: Processes, clock: Clock, run_id: str, scratch: Path) -> None:
        self._processes = processes
        self._clock = clock
        self._run_id = run_id
        self._scratch = scratch
        self._calls = 0

    async def ask(
        self, cwd: str | Path, *arguments: str, outlives_us: bool = False, keep: Iterable[str] = ()
    ) -> GitAnswer:
        """Run git; any exit code is an answer.

        Args:
            cwd: where.
            arguments: subcommand and the rest.
            outlives_us: let it finish even if this process dies: it is at work in somebody's checkout.
            keep: variables to hand on besides the usual ones.

        Raises:
            GitError: git is not installed, or its time was over.
        """
        is_recorded = not outlives_us and arguments[0] not in _LOOKS
        return await self._run(cwd, "git", arguments, keep=keep, is_recorded=is_recorded)

    async def run_other(
        self, cwd: str | Path, program: str, arguments: Sequence[str], *, keep: Iterable[str] = ()
    ) -> GitAnswer:
        """Run another program that works on the repository, like a forge's; as `ask`."""
        return await self._run(cwd, program, arguments, keep=keep, is_recorded=True)

    async def _run(
        self, cwd: str | Path, name: str, arguments: Sequence[str], *, keep: Iterable[str], is_recorded: bool
    ) -> GitAnswer:
        self._calls += 1
        out, err = (self._scratch / f".git-{self._calls}.{stream}" for stream in ("out", "err"))
        program = Program(
            argv=[name, *arguments],
            cwd=str(cwd),
            environment=child_environment(_ENVIRONMENT, keep=keep),
            run_id=self._run_id,
            purpose=name,
            stdout_file=out,
            stderr_file=err,
            timeout_seconds=GIT_TIMEOUT_SECONDS,
            is_recorded=is_recorded,
        )
        try:
            result = await run_program(program, self._processes, self._clock)
        except OSError as error:
            raise GitError(f"{name} could not be started in {str(cwd)!r}: {error}") from error
        finally:
            out.unlink(missing_ok=True)
            err.unlink(missing_ok=True)
        if result.exit_code is None:
            raise GitError(f"{name} {arguments[0]} in {str(cwd)!r} ran longer than {GIT_TIMEOUT_SECONDS:g} s")
        return GitAnswer(result.exit_code, result.stdout, result.stderr)

    async def do(self, cwd: str | Path, *arguments: str) -> str:
        """Run git and return what it printed.

        Raises:
            GitError: it exited with another code than 0.
        """
        answer = await self.ask(cwd, *arguments)
        if answer.exit_code != 0:
            raise GitError(f"git {' '.join(arguments)} in {str(cwd)!r}: {answer.message}")
        return answer.text

    async def commit_of(self, cwd: str | Path, revision: str) -> str | None:
        """The commit a revision names, or None."""
        answer = await self.ask(cwd, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return answer.text if answer.exit_code == 0 else None

    async def identity(self, cwd: str | Path) -> list[str]:
        """The options that give git an identity where none is configured; none otherwise."""
        options: list[str] = []
        for key, fallback in _FALLBACK_IDENTITY.items():
            if (await self.ask(cwd, "config", "--get", key)).exit_code != 0:
                options += ["-c", f"{key}={fallback}"]
        return options

    @contextlib.asynccontextmanager
    async def lock(self, repository: Path) -> AsyncGenerator[None, None]:
        """Hold the repository's lock of this runner and of others: worktrees and refs are changed one run at a time.

        Raises:
            GitError: it was not free for `LOCK_TIMEOUT_SECONDS`.
        """
        path = repository / "animus.lock"
        try:
            stream = path.open("a")
        except OSError as error:
            raise GitError(f"the lock {str(path)!r} cannot be opened: {error}") from error
        with stream:
            await self._wait_locked(stream, repository)
            yield

    async def _wait_locked(self, stream: IO[str], repository: Path) -> None:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise GitError(
                        f"the lock {str(repository / 'animus.lock')!r} was not free for {LOCK_TIMEOUT_SECONDS:g} s"
                    ) from None
                await asyncio.sleep(LOCK_PAUSE_SECONDS)
            else:
                return
