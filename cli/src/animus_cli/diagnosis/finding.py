"""What a look at the project or the installation came to."""

from typing import NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One thing that was looked at. Severity: ``ok``, ``warning`` or ``error``."""

    id: str
    severity: str
    message: str
    fix_command: str | None = None
