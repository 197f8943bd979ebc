"""Subjects, on the control socket."""

from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.control._shared import SubjectText
from animus_plugin_protocol.wire.presence import Wire, always
from animus_plugin_protocol.wire.subject import Subject, SubjectFilter, SubjectPatch, SubjectStatus

__all__ = [
    "SubjectBatchParams",
    "SubjectBatchResult",
    "SubjectCreateParams",
    "SubjectFault",
    "SubjectGetParams",
    "SubjectListParams",
    "SubjectListResult",
    "SubjectNextParams",
    "SubjectNextResult",
    "SubjectStatusParams",
    "SubjectUpdateParams",
    "SubjectWatchParams",
]


class SubjectCreateParams(Wire, frozen=True, kw_only=True):
    """Make a subject."""

    title: Annotated[str, Meta(description="One line that says what is wanted.")]
    kind: Annotated[str, Meta(description="Which kind of subject.")] = "task"
    body: Annotated[str | None, Meta(description="The whole description.")] = None
    status: Annotated[SubjectStatus | None, Meta(description="Where it is; ready if left out.")] = None
    priority: Annotated[int, Meta(description="0 (most urgent) to 4.", ge=0, le=4)] | None = None
    labels: Annotated[list[str], Meta(description="Labels.")] = []
    assignee: Annotated[str | None, Meta(description="Who is on it.")] = None
    custom: Annotated[dict[str, Any], Meta(description="Further fields, a JSON object.")] = {}


class SubjectListParams(Wire, frozen=True, kw_only=True):
    """Which subjects."""

    kind: Annotated[str, Meta(description="Which kind of subject.")] = "task"
    status: Annotated[list[SubjectStatus], Meta(description="Only these statuses.")] = []
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    cursor: Annotated[str | None, Meta(description="Where the page before ended.")] = None


class SubjectListResult(Wire, frozen=True, kw_only=True):
    """A page of subjects."""

    subjects: list[Subject]
    next_cursor: str | None = None


class SubjectGetParams(Wire, frozen=True, kw_only=True):
    """Which subject."""

    id: SubjectText


class SubjectUpdateParams(Wire, frozen=True, kw_only=True):
    """Change a subject."""

    id: SubjectText
    patch: SubjectPatch


class SubjectStatusParams(Wire, frozen=True, kw_only=True):
    """Set a subject's status."""

    id: SubjectText
    status: Annotated[SubjectStatus, Meta(description="The status it gets.")]


class SubjectBatchParams(Wire, frozen=True, kw_only=True):
    """Make several subjects, in order."""

    items: Annotated[list[SubjectCreateParams], Meta(min_length=1, max_length=100)]
    stop_on_error: bool = always(default=True)


class SubjectFault(Wire, frozen=True, kw_only=True):
    """Why the item with this index (from 0) was not made."""

    index: int
    title: str
    message: str


class SubjectBatchResult(Wire, frozen=True, kw_only=True):
    """What was made and what was not; items after a fault at which it stopped are in neither list."""

    subjects: list[Subject]
    faults: list[SubjectFault] = []


class SubjectNextParams(Wire, frozen=True, kw_only=True):
    """The most urgent ready subject of a kind."""

    kind: Annotated[str, Meta(description="Which kind of subject.")] = "task"


class SubjectNextResult(Wire, frozen=True, kw_only=True):
    """The subject, if there is one."""

    subject: Subject | None = None


class SubjectWatchParams(Wire, frozen=True, kw_only=True):
    """Which subjects to follow: of one kind or of all, and those that fit the filter after the change."""

    kind: Annotated[str | None, Meta(description="Which kind of subject; all of them if left out.")] = None
    filter: SubjectFilter | None = None
