"""The subject_backend kind (protocol section 9)."""

import enum
from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Moment, Wire, always

__all__ = [
    "ChangeKind",
    "CustomFieldSpec",
    "StatusDispatchHint",
    "Subject",
    "SubjectAttachment",
    "SubjectChangedEvent",
    "SubjectChangedNote",
    "SubjectCreateParams",
    "SubjectDeleteResult",
    "SubjectFilter",
    "SubjectIdParams",
    "SubjectList",
    "SubjectListParams",
    "SubjectNextParams",
    "SubjectPatch",
    "SubjectSchema",
    "SubjectStatus",
    "SubjectStatusParams",
    "SubjectUnwatchParams",
    "SubjectUpdateParams",
]


class SubjectStatus(enum.StrEnum):
    """Where a subject is. Closed: an unknown word makes a peer drop the whole payload."""

    READY = "ready"
    IN_PROGRESS = "in-progress"
    BLOCKED = "blocked"
    DONE = "done"
    CANCELLED = "cancelled"


class ChangeKind(enum.StrEnum):
    """What happened to a subject."""

    CREATED = "created"
    UPDATED = "updated"
    STATUS_CHANGED = "status-changed"
    DELETED = "deleted"
    DISPATCH_LABEL_CHANGED = "dispatch-label-changed"
    ATTACHMENT_ADDED = "attachment-added"
    ATTACHMENT_REMOVED = "attachment-removed"


class SubjectAttachment(Wire, frozen=True, kw_only=True):
    """Something attached to a subject."""

    id: str
    kind: str
    uri: str
    title: str | None = None
    mime_type: str | None = None
    metadata: Any = None


class Subject(Wire, frozen=True, kw_only=True):
    """What work is about. `id` is ``<kind>:<native id>``; `priority` runs from 0 (highest) to 4."""

    id: str
    kind: str
    title: str
    status: SubjectStatus
    created_at: Moment
    updated_at: Moment
    description: str | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    assignee: str | None = None
    labels: list[str] = []
    parent: str | None = None
    children: list[str] = []
    url: str | None = None
    custom: dict[str, Any] = {}
    native_status: str | None = None
    status_metadata: Any = None
    attachments: list[SubjectAttachment] = []


class SubjectFilter(Wire, frozen=True, kw_only=True):
    """Which subjects."""

    status: list[SubjectStatus] = []
    kind: list[str] = []
    assignee: list[str] = []
    labels_any: list[str] = []
    labels_all: list[str] = []
    updated_since: Moment | None = None
    cursor: str | None = None
    limit: int | None = None
    native_status: str | None = None
    dispatch_label: str | None = None
    has_attachment_kind: str | None = None


class SubjectListParams(SubjectFilter, frozen=True, kw_only=True):
    """A filter, flat or under ``filter``: hosts send both forms."""

    filter: SubjectFilter | None = None

    def effective(self) -> SubjectFilter:
        """The filter that was meant."""
        return self if self.filter is None else self.filter


class SubjectList(Wire, frozen=True, kw_only=True):
    """A page of subjects."""

    subjects: list[Subject]
    fetched_at: Moment
    next_cursor: str | None = None


class SubjectPatch(Wire, frozen=True, kw_only=True):
    """Changes to a subject. `assignee`: absent keeps, null clears. A null value in `custom` removes that key.

    `title`, `body` and `priority` are our additions; a backend that does not know them leaves the subject as it is, so
    whoever sends them looks at the answer.
    """

    status: SubjectStatus | None = None
    assignee: str | msgspec.UnsetType | None = msgspec.UNSET
    labels_add: list[str] = []
    labels_remove: list[str] = []
    comment: str | None = None
    custom: dict[str, Any] = {}
    title: str | None = None
    body: str | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None


class SubjectIdParams(Wire, frozen=True, kw_only=True):
    """Names one subject (get, delete)."""

    id: str


class SubjectUpdateParams(Wire, frozen=True, kw_only=True):
    """Change one subject."""

    id: str
    patch: SubjectPatch


class SubjectCreateParams(Wire, frozen=True, kw_only=True):
    """Make a subject; `kind` may come from the method prefix, `description` is an alias of `body`."""

    title: str
    kind: str | None = None
    body: str | None = None
    description: str | None = None
    status: SubjectStatus | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    labels: list[str] = []
    assignee: str | None = None
    custom: dict[str, Any] = {}


class SubjectStatusParams(Wire, frozen=True, kw_only=True):
    """Set a subject's status."""

    id: str
    status: SubjectStatus


class SubjectNextParams(Wire, frozen=True, kw_only=True):
    """Ask for the most urgent ready subject."""

    kind: str | None = None


class SubjectDeleteResult(Wire, frozen=True, kw_only=True):
    """Whether it is gone."""

    ok: bool


class SubjectUnwatchParams(Wire, frozen=True, kw_only=True):
    """Ends the watch whose request had this id, written as text."""

    watch_id: str


class StatusDispatchHint(Wire, frozen=True, kw_only=True):
    """What a native status stands for."""

    native_status: str
    maps_to: SubjectStatus
    dispatch_label: str | None = None
    description: str | None = None


class CustomFieldSpec(Wire, frozen=True, kw_only=True):
    """A custom field; type is ``string``, ``number``, ``bool``, ``enum`` or ``date``."""

    key: str
    type: str
    values: list[str] | None = None


class SubjectSchema(Wire, frozen=True, kw_only=True):
    """What a backend supports."""

    kinds: list[str]
    status_values: list[SubjectStatus]
    supports_watch: bool
    supports_create: bool
    supports_pagination: bool
    supports_delete: bool = always(default=False)
    native_status_values: list[str] = []
    status_dispatch_hints: list[StatusDispatchHint] = []
    custom_fields: list[CustomFieldSpec] = []


class SubjectChangedEvent(Wire, frozen=True, kw_only=True):
    """A change; `id` is the subject's."""

    id: str
    change_kind: ChangeKind
    subject: Subject
    previous_native_status: str | None = None
    previous_dispatch_label: str | None = None


class SubjectChangedNote(Wire, frozen=True, kw_only=True):
    """A change, addressed to the watch request `id`."""

    id: Any
    event: SubjectChangedEvent
