"""Where to listen is an address, and it is known whether other machines reach it."""

import pytest

from animus_control.errors import ControlError
from animus_transport_http.address import listen, read_address


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("localhost:0", "127.0.0.1", 0, True),
        ("[::1]:8080", "::1", 8080, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),  # noqa: S104 - it is read, not listened at
        ("[::]:80", "::", 80, False),
        ("192.0.2.1:65535", "192.0.2.1", 65535, False),
    ],
)
def test_address_is_read(text, host, port, is_loopback):
    address = read_address(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, is_loopback)


@pytest.mark.parametrize("text", ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ControlError, match=r"write 127\.0\.0\.1:8080"):
        read_address(text)


@pytest.mark.parametrize("text", ["example.org:80", "127.0.0.1:\u0661", "::1:x", "127.1.:80"])
def test_name_that_has_to_be_looked_up_is_refused(text):
    with pytest.raises(ControlError):
        read_address(text)


def test_taken_address_is_named():
    listener, address = listen(read_address("127.0.0.1:0"))
    with listener, pytest.raises(ControlError, match=f"127.0.0.1:{address.port}: Address already in use"):
        listen(address)
