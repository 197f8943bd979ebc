"""What the nouns of the control protocol share."""

from typing import Annotated

from msgspec import Meta

from animus_plugin_protocol.wire.presence import Wire

__all__ = [
    "EmptyParams",
    "RunText",
    "SubjectText",
    "UnitResult",
]


SubjectText = Annotated[str, Meta(description="The subject as KIND:ID, for example task:TASK-001.")]
RunText = Annotated[str, Meta(description="The run: its id, its queue entry's id, or its subject as KIND:ID.")]


class EmptyParams(Wire, frozen=True, kw_only=True):
    """Nothing to say."""


class UnitResult(Wire, frozen=True, kw_only=True):
    """Done."""
