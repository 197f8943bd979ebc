"""Wire types, one module per plugin kind. Structs only: nothing here reads, writes or starts anything.

Presence on the wire is expressed in one way throughout:

* ``x: T | None = None``: omitted when None, a missing or null value is accepted;
* ``x: list[T] = []`` or ``dict``: omitted when empty, null is refused;
* ``x: T = always(default)``: defaulted when missing, always written, null is refused;
* no default: required.
"""
