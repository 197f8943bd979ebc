"""Takes a key out of a stream, wherever the stream is cut."""

__all__ = ["Redactor"]


class Redactor:
    """Replaces every occurrence of `secret` by as many asterisks, so that lengths stay true.

    Nothing is held back but the end of a piece that may be the beginning of the secret.
    """

    def __init__(self, secret: str | None) -> None:
        self._secret = (secret or "").encode("ascii")
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be passed on now."""
        if not self._secret:
            return data
        data = (self._held + data).replace(self._secret, b"*" * len(self._secret))
        keep = next((n for n in range(min(len(self._secret) - 1, len(data)), 0, -1) if self._may_begin(data[-n:])), 0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def end(self) -> bytes:
        """The stream is over: what was held back was not the secret."""
        held, self._held = self._held, b""
        return held

    def text(self, value: str) -> str:
        """A header's value without the secret."""
        return value.replace(self._secret.decode("ascii"), "*" * len(self._secret)) if self._secret else value

    def _may_begin(self, tail: bytes) -> bool:
        return self._secret.startswith(tail)
