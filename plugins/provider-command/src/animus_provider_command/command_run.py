"""One run of a local program as an agent: what it prints is its answer, a line of that may be its decision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from animus_agent_cli.decision import DecisionScanner
from animus_agent_cli.live_text import Streamer
from animus_agent_cli.program import ProgramCall, ProgramRun
from animus_process import Clock, ProcessLedger
from animus_provider_command.output import Output

__all__ = ["SHOW_SECONDS", "CommandEnd", "CommandRun"]

SHOW_SECONDS: Final = 2.0
"""How long a slow host may take for the last of the live text."""


class CommandEnd(NamedTuple):
    """How it ended: see `animus_agent_cli.program.ProgramEnd`."""

    how: str
    exit_code: int
    output: Output
    errors: list[str]
    decision: dict[str, Any] | None
    duration_seconds: float


class CommandRun:
    """Start it with `run`, on the thread that waits for it; `cancel` from any other."""

    def __init__(
        self,
        call: ProgramCall,
        ledger: ProcessLedger,
        *,
        output_file: Path | None = None,
        on_text: Callable[[str, bool], object],
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            call: the program; its input ends behind the prompt.
            ledger: where the process is written down.
            output_file: where an output goes that is too long for a result.
            on_text: is given live output, see `Streamer`.
            clock: where time comes from.
        """
        self._call = call
        self._on_text = on_text
        self._output = Output(output_file)
        self._scanner = DecisionScanner()
        self._streamer: Streamer | None = None
        self._program = ProgramRun(call, ledger, on_output=self._take, clock=clock)

    def cancel(self) -> None:
        """End the run; `run` returns once no process of it is left. Again or before the start is fine."""
        self._program.cancel()

    def kill(self) -> None:
        """End the run at once because this process is ending."""
        self._program.kill()

    def run(self) -> CommandEnd:
        """Start the program and wait until it and everything it started is gone.

        Raises:
            ProgramStartError: it could not be started.
        """
        try:
            end = self._program.run()
            (self._streamer or Streamer(self._on_text)).close(SHOW_SECONDS)
        finally:
            self._scanner.close()
            self._output.close()
        errors = [*end.errors, *self._cut()]
        return CommandEnd(end.how, end.exit_code, self._output, errors, self._scanner.decision, end.duration_seconds)

    def _take(self, data: bytes) -> None:
        self._output.write(data)
        self._scanner.write(data)
        if self._streamer is None:
            self._streamer = Streamer(self._on_text)
        self._streamer.write(data)

    def _cut(self) -> list[str]:
        """What there is to say when the result holds only the end of the output."""
        output = self._output
        if not output.truncated:
            return []
        whole = f"all of it is in {str(output.file)!r}" if output.file else "the rest is lost"
        reason = f" ({output.file_error})" if output.file_error else ""
        return [f"the output has {output.total_bytes} bytes and is cut at its beginning; {whole}{reason}"]
