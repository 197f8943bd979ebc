"""Room for descriptors: each command takes a handful, and the usual soft limit is for less."""

import resource

__all__ = ["raise_descriptor_limit"]

WANTED_DESCRIPTORS = 65_536


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
