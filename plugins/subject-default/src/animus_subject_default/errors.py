"""What the subject store raises.

Grouped by what the catcher should do::

    SubjectStoreError
    ├── SubjectNotFoundError      no such subject
    ├── InvalidSubjectError       the request contradicts itself or a rule; nothing was written
    ├── StoreBusyError            another process held the database for too long; asking again may succeed
    └── StoreUnavailableError     the database cannot be used; it was not changed
"""

__all__ = [
    "InvalidSubjectError",
    "StoreBusyError",
    "StoreUnavailableError",
    "SubjectNotFoundError",
    "SubjectStoreError",
]


class SubjectStoreError(Exception):
    """The root of everything the store raises."""


class SubjectNotFoundError(SubjectStoreError):
    """No such subject."""


class InvalidSubjectError(SubjectStoreError):
    """The request contradicts itself or a rule; nothing was written."""


class StoreBusyError(SubjectStoreError):
    """Another process held the database for longer than the bound."""


class StoreUnavailableError(SubjectStoreError):
    """The database cannot be used: not readable, damaged, or made by a newer version."""
