"""Whether an agent can be used at all: its program, the program's version, its credentials."""

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from animus_agent_cli.facts import AgentFacts
from animus_agent_cli.finding import ProgramStartError, find_program

if TYPE_CHECKING:
    from animus_agent_cli.program import ProgramRun
    from animus_process import ProcessLedger

__all__ = ["PROBE_LIMIT_SECONDS", "PROBE_WAIT_SECONDS", "Availability", "AvailabilityProbe", "version_in"]

PROBE_LIMIT_SECONDS: Final = 10.0
"""How long the program may take to print its version."""
PROBE_WAIT_SECONDS: Final = 1.0
"""How long an answer waits for that; hosts give a health check two seconds."""
_PRINTED_BYTES: Final = 4096
_VERSION: Final = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")


class Availability(NamedTuple):
    """What is known. Without a `blocker` the agent can be tried; a `warning` says what is likely to fail.

    Attributes:
        path: the program.
        version: as it prints it; None while that is not known.
    """

    path: str | None = None
    version: str | None = None
    blocker: str | None = None
    warning: str | None = None


def version_in(text: str) -> tuple[int, ...] | None:
    """The first version number in `text`."""
    found = _VERSION.search(text)
    return None if found is None else tuple(int(part) for part in found.groups(default="0"))


class AvailabilityProbe:
    """Looks for the program each time it is asked, and asks it for its version once per program file."""

    def __init__(self, facts: AgentFacts) -> None:
        """Look at nothing yet."""
        self._facts = facts
        self._turn = threading.Lock()
        self._printed: dict[tuple[str, int, int], str] = {}
        self._running: dict[tuple[str, int, int], threading.Thread] = {}
        self._run: ProgramRun | None = None

    def look(self, environment: Mapping[str, str], ledger: "ProcessLedger") -> Availability:
        """What is there now. Takes at most `PROBE_WAIT_SECONDS`."""
        facts = self._facts
        try:
            path = find_program(environment.get(facts.program_variable) or facts.program, Path.cwd(), environment)
            status = Path(path).stat()
        except (ProgramStartError, OSError) as error:
            return Availability(blocker=f"{error}; {facts.install_hint}")
        key = (path, status.st_mtime_ns, status.st_size)
        with self._turn:
            thread = self._running.get(key)
            if thread is None:
                thread = self._running[key] = threading.Thread(
                    target=self._ask, args=(key, dict(environment), ledger), name="agent-version", daemon=True
                )
                thread.start()
        thread.join(PROBE_WAIT_SECONDS)
        printed = self._printed.get(key, "")
        version = version_in(printed)
        found = Availability(path, version=None if version is None else ".".join(map(str, version)))
        if version is not None and version < facts.minimum_version:
            wanted = ".".join(map(str, facts.minimum_version))
            return found._replace(blocker=f"{path!r} is version {found.version}, at least {wanted} is needed")
        if not thread.is_alive() and version is None:
            words = " ".join(facts.version_args)
            return found._replace(blocker=f"{path!r} {words} printed no version but {printed[:200]!r}")
        return found._replace(warning=facts.find_credentials(environment))

    def close(self) -> None:
        """The process ends: do not leave a program behind."""
        if self._run is not None:
            self._run.kill()

    def _ask(self, key: tuple[str, int, int], environment: dict[str, str], ledger: "ProcessLedger") -> None:
        from animus_agent_cli.program import ProgramCall, ProgramRun  # noqa: PLC0415 - start-up is a budget
        from animus_process import TailBuffer, child_environment  # noqa: PLC0415 - as above

        printed = TailBuffer(_PRINTED_BYTES)
        call = ProgramCall(
            program=key[0],
            args=self._facts.version_args,
            cwd=Path(os.sep),
            environment=child_environment(keep=self._facts.variable_names, environ=environment),
            timeout_seconds=PROBE_LIMIT_SECONDS,
        )
        self._run = ProgramRun(call, ledger, on_output=printed.write)
        try:
            end = self._run.run()
        except ProgramStartError as error:
            self._printed[key] = str(error)
            return
        self._printed[key] = printed.text().strip() or "\n".join(end.errors)
