"""Moves bytes between a child process and us: its input in, its output and errors out, in one thread."""

import contextlib
import os
import selectors
import threading
from collections.abc import Callable
from typing import IO, Any, Final

__all__ = ["INPUT_LIMIT_BYTES", "Pump"]

INPUT_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""How much may wait for a program that does not read."""
_PIECE_BYTES: Final = 64 * 1024
_WAKE_BYTES: Final = 64


class Pump:
    """Feeds a child and hands out what it prints, until both its outputs end or it is told to stop.

    A child that does not read its input, closes it, or prints while it should read, holds up nothing. The callbacks run
    on the pump's thread and must not block.
    """

    def __init__(
        self,
        stdin: IO[bytes],
        first: bytes,
        outputs: list[tuple[IO[bytes], Callable[[bytes], object]]],
        *,
        is_input_open: bool = False,
    ) -> None:
        """Prepare; see `start`. The pipes belong to the pump from now on and are closed by it.

        Args:
            stdin: the child's input.
            first: what it reads first.
            outputs: the pipes to read, each with who takes what it yields.
            is_input_open: keep the input open behind `first`, for `write`, until `end_input`.
        """
        self._stdin = stdin
        self._turn = threading.Lock()
        self._waiting = bytearray(first)
        self._is_input_open = is_input_open
        self._is_stopped = False
        self._is_fed = False
        self._pipes = [stdin, *(pipe for pipe, _ in outputs)]
        self._open = len(outputs)
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        for pipe, take in outputs:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, take)
        os.set_blocking(stdin.fileno(), False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._is_fed = self._wants_feeding()
        if self._is_fed:
            self._selector.register(stdin, selectors.EVENT_WRITE, None)
        self._thread = threading.Thread(target=self._run, name="agent-pipes", daemon=True)

    def start(self) -> None:
        """Start pumping: from now on the callbacks are called, and may themselves write."""
        self._thread.start()

    def write(self, data: bytes) -> bool:
        """Have the child read `data` next; False when its input has ended or it has stopped reading. Does not block."""
        with self._turn:
            if not self._is_input_open or len(self._waiting) + len(data) > INPUT_LIMIT_BYTES:
                return False
            self._waiting += data
        self._wake()
        return True

    def end_input(self) -> None:
        """Close the child's input behind what was written. Again is fine."""
        with self._turn:
            self._is_input_open = False
        self._wake()

    def wait(self, wait_seconds: float) -> bool:
        """Wait for the outputs to end; answers whether they did."""
        self._thread.join(wait_seconds)
        return not self._thread.is_alive()

    def finish(self, wait_seconds: float) -> bool:
        """Wait for the outputs to end, then stop in any case; answers whether they ended by themselves."""
        ended = self.wait(wait_seconds)
        if not ended:
            self._is_stopped = True
            self._wake()
            self._thread.join()
        self._selector.close()
        with self._turn:
            self._is_input_open = False
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_write = -1
        return ended

    def _wake(self) -> None:
        with self._turn:
            if self._wake_write >= 0:
                with contextlib.suppress(BlockingIOError):  # full: the pump is awake already
                    os.write(self._wake_write, b"x")

    def _wants_feeding(self) -> bool:
        """Whether there is something to write, or the input is to be closed, which is done by `_feed` too."""
        return not self._stdin.closed and (bool(self._waiting) or not self._is_input_open)

    def _run(self) -> None:
        while self._open and not self._is_stopped:
            for key, _ in self._selector.select():
                self._serve(key)
        for pipe in self._pipes:
            with contextlib.suppress(OSError):  # a broken input pipe is no news here
                pipe.close()

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.fd == self._wake_read:
            os.read(self._wake_read, _WAKE_BYTES)
            if not self._is_fed and self._wants_feeding():
                self._selector.register(self._stdin, selectors.EVENT_WRITE, None)
                self._is_fed = True
        elif key.fileobj is self._stdin:
            self._feed()
        else:
            self._drain(key)

    def _feed(self) -> None:
        with self._turn:
            try:
                written = os.write(self._stdin.fileno(), self._waiting[:_PIECE_BYTES]) if self._waiting else 0
            except BlockingIOError:
                return
            except OSError:
                # The program closed its input or ended; whether that is a failure is what its exit code says.
                written = len(self._waiting)
                self._is_input_open = False
            del self._waiting[:written]
            if self._waiting:
                return
            self._selector.unregister(self._stdin)
            self._is_fed = False
            if not self._is_input_open:
                with contextlib.suppress(OSError):
                    self._stdin.close()

    def _drain(self, key: selectors.SelectorKey) -> None:
        take: Callable[[bytes], Any] = key.data
        try:
            data = os.read(key.fd, _PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            take(data)
        else:
            self._selector.unregister(key.fileobj)
            self._open -= 1
