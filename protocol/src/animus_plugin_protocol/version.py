"""The protocol version and who may talk to whom (protocol section 3)."""

import re

__all__ = ["PROTOCOL_VERSION", "is_compatible"]

PROTOCOL_VERSION = "1.1.0"

_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:[-+][0-9A-Za-z.+-]*)?")


def is_compatible(peer: str) -> bool:
    """Whether a peer that says `peer` can be spoken to: valid semver and the same major."""
    match = _SEMVER.fullmatch(peer.strip())
    return match is not None and match.group(1) == PROTOCOL_VERSION.split(".", 1)[0]
