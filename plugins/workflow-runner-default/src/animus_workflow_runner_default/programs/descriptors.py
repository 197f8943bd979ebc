"""Room for descriptors: each command takes a handful, and the usual soft limit is for less."""

import resource

__all__ = ["places", "raise_descriptor_limit"]

WANTED_DESCRIPTORS = 65_536
RESERVED = 64
"""For everything but programs: the journal, the pipes to the host, files that are open for a moment."""
PER_PROGRAM = 3
"""What a running program takes here: two pipes and its process descriptor."""


def places() -> int:
    """How many programs may run at once before descriptors run out."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = WANTED_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(1, (limit - RESERVED) // PER_PROGRAM)


def raise_descriptor_limit() -> int:
    """Raise the soft limit as far as the system lets us; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        return wanted
    return soft
