import pytest

from animus_trigger_webhook.address import Address, AddressError, parse_address


@pytest.mark.parametrize(
    ("text", "address", "is_loopback"),
    [
        ("127.0.0.1:8787", Address("127.0.0.1", 8787), True),
        ("localhost:1", Address("127.0.0.1", 1), True),
        ("[::1]:0", Address("::1", 0), True),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),  # noqa: S104 - data
        ("[::]:80", Address("::", 80), False),
        ("192.168.1.4:65535", Address("192.168.1.4", 65535), False),
    ],
)
def test_address_is_read_and_knows_whether_others_reach_it(text, address, is_loopback):
    assert parse_address(text) == address
    assert address.is_loopback is is_loopback
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "8787", "127.0.0.1", "host.example:80", "127.0.0.1:x", "127.0.0.1:65536", "::1"])
def test_text_that_is_no_address_is_refused_by_name(text):
    with pytest.raises(AddressError, match="ADDRESS:PORT"):
        parse_address(text)
