"""The short way to a living daemon: it is asked for the very text that is to be printed.

A look at the status should take no longer than the interpreter needs to start. So nothing is loaded here but a socket:
no click, no msgspec, no json, no pathlib. Whatever is unusual (no daemon, an option, an error, an older daemon) is left
to the whole program, which says it properly.
"""

import os
import sys

from animus_control.location import checkout_of, config_dir_of, scope_of, socket_path_in

TYPE_CHECKING = False  # importing typing costs more than this whole module; checkers know the name
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["THIN_OPERATIONS", "print_answer"]

THIN_OPERATIONS: dict[tuple[str, ...], str] = {
    ("status",): "project/status",
    ("daemon", "status"): "daemon/status",
    ("daemon", "health"): "daemon/health",
    ("queue", "list"): "queue/list",
    ("queue", "stats"): "queue/stats",
    ("workflow", "list"): "workflow/list",
}
"""What only looks and needs no argument."""

ANSWER_SECONDS = 5.0
"""Longer than this and the whole program asks again; looking twice does no harm."""

_READ_BYTES = 65536
_BEFORE_TEXT = b'{"jsonrpc":"2.0","id":1,"result":"'


def print_answer(words: "Sequence[str]") -> bool:
    """Print what the daemon of the project around the current directory answers to the command `words`.

    Returns:
        False if nothing was printed and the command is to be run the long way.
    """
    as_json = "--json" in words
    operation = THIN_OPERATIONS.get(tuple(word for word in words if word != "--json"))
    if operation is None or words.count("--json") > 1:
        return False
    from animus_cli.window import window_of  # noqa: PLC0415 - start-up: other commands do not come this far

    width, colour = window_of(sys.stdout)
    line = _asked(
        f'{{"jsonrpc":"2.0","id":1,"method":"daemon/render","params":{{"operation":"{operation}",'
        f'"width":{"null" if width is None else width},"colour":{_word(colour)},"json":{_word(as_json)}}}}}\n'
    )
    text = None if line is None else _text_in(line)
    if text is None:
        return False
    _print(text)
    return True


def _asked(request: str) -> bytes | None:
    """The daemon's answer to one line, or None if there is none."""
    import _socket  # noqa: PLC0415 - start-up: other commands and socket itself loads six times as much

    _, identity = checkout_of(os.path.realpath("."))
    address = socket_path_in(f"{config_dir_of(os.environ)}/{scope_of(identity)}")
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(address)
        connection.sendall(request.encode())
        chunks: list[bytes] = []
        while not chunks or not chunks[-1].endswith(b"\n"):
            chunk = connection.recv(_READ_BYTES)
            if not chunk:
                return None
            chunks.append(chunk)
        return b"".join(chunks)
    except OSError:
        return None
    finally:
        connection.close()


def _text_in(line: bytes) -> str | None:
    """The text that an answer is, or None if it is another answer."""
    if not line.startswith(_BEFORE_TEXT):
        return None
    try:
        from _json import scanstring  # noqa: PLC0415 - start-up: the decoder without the modules around it
    except ImportError:  # another interpreter
        return None
    return str(scanstring(line.decode(), len(_BEFORE_TEXT))[0])


def _print(text: str) -> None:
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # it is the process's own text stream
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; what is buffered must not be tried again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _word(value: bool) -> str:  # noqa: FBT001 - the value itself is what is written
    return "true" if value else "false"
