"""What the queue raises, grouped by what the catcher should do::

QueueError                   anything from this package
├── InvalidRequestError      asking again the same way gives the same answer
│   ├── LeaseCountError      as many workflow ids as entries were asked for must be given
│   ├── WrongStatusError     the entry is not in a status this operation accepts
│   ├── NotAssignedError     only an assigned entry can be returned to pending
│   └── FencedEntryError     the entry is under a fenced lease; the old operation may not touch it
├── LockTimeoutError         another process held the lock too long; ask again
└── StorageError             a file could not be read or written; the message names it
    ├── CorruptFileError     a file is damaged; it is left as it is
    └── NewerFormatError     a file was written by a newer version
"""

__all__ = [
    "CorruptFileError",
    "FencedEntryError",
    "InvalidRequestError",
    "LeaseCountError",
    "LockTimeoutError",
    "NewerFormatError",
    "NotAssignedError",
    "QueueError",
    "StorageError",
    "WrongStatusError",
]


class QueueError(Exception):
    """The root of everything this package raises."""


class InvalidRequestError(QueueError):
    """Asking again the same way gives the same answer."""


class LeaseCountError(InvalidRequestError):
    """The number of workflow ids differs from the number of entries asked for."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(
            f"a lease of max={expected} needs exactly {expected} workflow ids and got {actual};"
            " send one id for each entry you are ready to start, or none"
        )
        self.expected = expected
        self.actual = actual


class WrongStatusError(InvalidRequestError):
    """The entry's status does not allow the operation."""

    def __init__(self, operation: str, entry_id: str, status: str, hint: str) -> None:
        super().__init__(f"cannot {operation} entry {entry_id!r}: its status is {status!r}; {hint}")
        self.status = status


class NotAssignedError(InvalidRequestError):
    """Only an assigned entry can be returned to pending."""

    def __init__(self, entry_id: str, status: str) -> None:
        super().__init__(
            f"cannot return entry {entry_id!r} to pending: its status is {status!r}, not 'assigned';"
            " list the queue to see who holds what"
        )
        self.status = status


class FencedEntryError(InvalidRequestError):
    """The entry is under a fenced lease."""

    def __init__(self, operation: str, entry_id: str) -> None:
        super().__init__(
            f"cannot {operation} entry {entry_id!r} without its fence: it was leased with queue/v2/lease;"
            " use the queue/v2 method and send the execution fence (queue/list shows it)"
        )


class LockTimeoutError(QueueError):
    """Another process held the queue's lock until the deadline."""


class StorageError(QueueError):
    """A file could not be read or written."""


class CorruptFileError(StorageError):
    """A file is damaged. Nothing was written to it."""


class NewerFormatError(StorageError):
    """A file was written by a newer version of this package."""
