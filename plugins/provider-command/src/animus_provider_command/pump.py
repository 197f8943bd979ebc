"""Moves bytes between a child process and us: its input in, its output and errors out, in one thread."""

import contextlib
import os
import selectors
import threading
from collections.abc import Callable
from typing import IO, Final

__all__ = ["Pump"]

_PIECE_BYTES: Final = 64 * 1024


class Pump:
    """Feeds `prompt` to a child and hands out what it prints, until both its outputs end or it is told to stop.

    A child that does not read its input, closes it, or prints while it should read, holds up nothing. The callbacks run
    on the pump's thread and must not block.
    """

    def __init__(
        self,
        stdin: IO[bytes],
        prompt: bytes,
        outputs: list[tuple[IO[bytes], Callable[[bytes], object]]],
    ) -> None:
        """Start pumping. The pipes belong to the pump from now on and are closed by it."""
        self._stdin = stdin
        self._prompt = memoryview(prompt)
        self._pipes = [stdin, *(pipe for pipe, _ in outputs)]
        self._open = len(outputs)
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        for pipe, take in outputs:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, take)
        os.set_blocking(stdin.fileno(), False)
        self._selector.register(stdin, selectors.EVENT_WRITE, None)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name="agent-pipes", daemon=True)
        self._thread.start()

    def wait(self, wait_seconds: float) -> bool:
        """Wait for the outputs to end; answers whether they did."""
        self._thread.join(wait_seconds)
        return not self._thread.is_alive()

    def finish(self, wait_seconds: float) -> bool:
        """Wait for the outputs to end, then stop in any case; answers whether they ended by themselves."""
        ended = self.wait(wait_seconds)
        if not ended:
            os.write(self._wake_write, b"x")
            self._thread.join()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        return ended

    def _run(self) -> None:
        is_stopped = False
        while self._open and not is_stopped:
            for key, _ in self._selector.select():
                if key.fd == self._wake_read:
                    is_stopped = True
                elif key.fileobj is self._stdin:
                    self._feed()
                else:
                    self._drain(key)
        for pipe in self._pipes:
            with contextlib.suppress(OSError):  # a broken input pipe is no news here
                pipe.close()

    def _feed(self) -> None:
        try:
            written = os.write(self._stdin.fileno(), self._prompt[:_PIECE_BYTES]) if self._prompt else 0
        except BlockingIOError:
            return
        except OSError:
            # The program closed its input or ended; whether that is a failure is what its exit code says.
            written = len(self._prompt)
        self._prompt = self._prompt[written:]
        if not self._prompt:
            self._selector.unregister(self._stdin)
            with contextlib.suppress(OSError):
                self._stdin.close()

    def _drain(self, key: selectors.SelectorKey) -> None:
        try:
            data = os.read(key.fd, _PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            key.data(data)
        else:
            self._selector.unregister(key.fileobj)
            self._open -= 1
