"""Where to listen: ``127.0.0.1:8080``, ``[::1]:0``, ``localhost:8080``."""

import ipaddress
import socket
from typing import NamedTuple

from animus_control.errors import ControlError

__all__ = ["Address", "listen", "read_address"]

_BACKLOG = 128
_MAX_PORT = 65535


class Address(NamedTuple):
    """An address of this machine; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """How a client on this machine names it."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """The address that `text` names.

    Raises:
        ControlError: it names none; other names than ``localhost`` are not looked up, for they may change.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    host = "127.0.0.1" if host == "localhost" else host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        host = ""
    if not host or not colon or not (port.isascii() and port.isdecimal()) or int(port) > _MAX_PORT:
        message = f"{text!r} is no address to listen at; write 127.0.0.1:8080, [::1]:8080 or localhost:8080"
        raise ControlError("invalid_request", message, next_step="animus http serve --help")
    return Address(host, int(port))


def listen(address: Address) -> tuple[socket.socket, Address]:
    """A listening socket, and the address with the port that it got.

    Raises:
        ControlError: ``conflict`` when the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old connections
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"cannot listen at {address.host}:{address.port}: {error.strerror}"
        raise ControlError("conflict", message, next_step="animus http serve --bind 127.0.0.1:0") from error
    listener.setblocking(False)  # noqa: FBT003 - the name of the standard library's only argument
    return listener, Address(address.host, listener.getsockname()[1])
