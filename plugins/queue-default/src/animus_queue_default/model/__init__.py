"""What the queue is about: entries, their status, leases and requests. Values only; nothing here reads or writes."""

__all__: list[str] = []
