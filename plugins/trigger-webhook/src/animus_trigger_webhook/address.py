"""Where the server listens."""

from typing import NamedTuple

__all__ = ["BIND_VARIABLE", "DEFAULT_BIND", "Address", "AddressError", "parse_address"]

BIND_VARIABLE = "ANIMUS_WEBHOOK_BIND"
DEFAULT_BIND = "127.0.0.1:8787"
_LAST_PORT = 65535


class AddressError(ValueError):
    """A text is no address to listen at."""


class Address(NamedTuple):
    """An IP address and a port; port 0 lets the system choose one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        import ipaddress  # noqa: PLC0415 - start-up is a budget

        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_ipv6(self) -> bool:
        """Whether the address is one of IPv6."""
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address written as ``127.0.0.1:8787``, ``[::1]:8787`` or ``localhost:8787``.

    Names are not looked up: what a name means tomorrow, and whether that is this machine only, nobody can say.

    Raises:
        AddressError: it is none.
    """
    import ipaddress  # noqa: PLC0415 - start-up is a budget

    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    host = "127.0.0.1" if host == "localhost" else host
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _LAST_PORT:
        raise AddressError(f"{BIND_VARIABLE}={text!r} has no port; write ADDRESS:PORT, as in {DEFAULT_BIND}")
    try:
        return Address(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        raise AddressError(
            f"{BIND_VARIABLE}={text!r}: {host!r} is no IP address; write ADDRESS:PORT, as in {DEFAULT_BIND}"
        ) from None
