"""The processes that are a kernel: the daemon, its socket, its lock, and the one that runs in the caller."""

__all__: list[str] = []
