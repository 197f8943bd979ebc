"""Who may talk to whom."""

import pytest

from animus_plugin_protocol.version import PROTOCOL_VERSION, is_compatible


@pytest.mark.parametrize("peer", [PROTOCOL_VERSION, "1.0.0", "1.99.99", " 1.2.0 ", "1.0.0-rc.1", "1.0.0+build.5"])
def test_the_same_major_is_compatible(peer):
    assert is_compatible(peer)


@pytest.mark.parametrize("peer", ["2.0.0", "0.1.0", "10.0.0", "1", "1.1", "v1.1.0", "", "zzz", "1.1.0.0", "-1.0.0"])
def test_another_major_or_no_semver_is_not(peer):
    assert not is_compatible(peer)
