"""SubjectRef, SubjectDispatch, Actor and the execution fence (protocol section 6)."""

from typing import Any

import msgspec

from animus_plugin_protocol.wire.presence import Moment, Wire

__all__ = [
    "Actor",
    "ExecutionFence",
    "FenceSubject",
    "QueueLease",
    "RepositoryReservation",
    "SubjectDispatch",
    "SubjectRef",
    "canonical_kind",
    "priority_word",
    "qualified_id",
    "subject_key",
]

_FIRST_PARTY = "animus."
_BARE_KEY_KINDS = frozenset({"animus.task", "animus.requirement", "task", "requirement", "custom"})
_PRIORITY_WORDS = ("critical", "high", "medium", "low", "low")


class Actor(Wire, frozen=True, kw_only=True):
    """On whose behalf something is asked. Asserted by a transport and relayed; absent means the system itself."""

    user_id: str
    claims: list[str] = []
    tenant_id: str | None = None


class _LegacyId(Wire, frozen=True, kw_only=True):
    id: str


class _LegacyCustom(Wire, frozen=True, kw_only=True):
    title: str = ""
    description: str = ""


class SubjectRef(Wire, frozen=True, kw_only=True):
    """What a piece of work is about.

    Written in the flat form only. Read in the flat form and in the three legacy forms
    (``{"Task": {"id": ...}}``, ``{"Requirement": ...}``, ``{"Custom": {"title": ..., "description": ...}}``).
    """

    kind: str = ""
    id: str = ""
    title: str | None = None
    description: str | None = None
    labels: list[str] = []
    metadata: dict[str, Any] = {}
    legacy_task: _LegacyId | None = msgspec.field(name="Task", default=None)
    legacy_requirement: _LegacyId | None = msgspec.field(name="Requirement", default=None)
    legacy_custom: _LegacyCustom | None = msgspec.field(name="Custom", default=None)

    def __post_init__(self) -> None:
        """Turn a legacy form into the flat one; refuse a reference that names nothing."""
        if self.kind and self.id and not self._has_legacy_form:
            # The usual case, told apart from the others without making a list.
            if self.kind.isspace() or self.id.isspace():
                raise ValueError("queue subject identity is missing: a subject needs a kind and an id")
            return
        legacy = [form for form in (self.legacy_task, self.legacy_requirement, self.legacy_custom) if form is not None]
        if legacy:
            if len(legacy) > 1 or self.kind or self.id:
                raise ValueError("a legacy subject has exactly one key: Task, Requirement or Custom")
            self._flatten()
        if not self.kind.strip() or not self.id.strip():
            raise ValueError("queue subject identity is missing: a subject needs a kind and an id")

    @property
    def _has_legacy_form(self) -> bool:
        return not (self.legacy_task is None and self.legacy_requirement is None and self.legacy_custom is None)

    def _flatten(self) -> None:
        put = msgspec.structs.force_setattr
        if self.legacy_task is not None:
            put(self, "kind", "animus.task")
            put(self, "id", self.legacy_task.id)
        elif self.legacy_requirement is not None:
            put(self, "kind", "animus.requirement")
            put(self, "id", self.legacy_requirement.id)
        elif self.legacy_custom is not None:
            put(self, "kind", "custom")
            put(self, "id", self.legacy_custom.title)
            put(self, "title", self.legacy_custom.title)
            put(self, "description", self.legacy_custom.description)
        for name in ("legacy_task", "legacy_requirement", "legacy_custom"):
            put(self, name, None)


class SubjectDispatch(Wire, frozen=True, kw_only=True):
    """The one envelope in which work is asked for. ``requested_at`` is RFC 3339 text, kept verbatim."""

    subject: SubjectRef | None = None
    workflow_ref: str
    trigger_source: str
    requested_at: str
    input: Any = None
    vars: dict[str, str] = {}
    priority: str | None = None
    actor: Actor | None = None


class FenceSubject(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The subject a fence speaks of, by canonical id and generation."""

    qualified_id: str
    generation: int


class QueueLease(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who holds an entry, under which grant, until when."""

    entry_id: str
    owner_id: str
    generation: int
    expires_at: Moment


class RepositoryReservation(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository ref an execution writes to; two executions never share one."""

    repository: str
    base_ref: str
    head_ref: str

    @property
    def collision_key(self) -> str:
        """Two reservations collide when this is equal."""
        return f"{self.repository.strip().lower()}\n{self.head_ref}"


class ExecutionFence(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a holder shows with each act on its entry; a store refuses a stale one."""

    schema: str
    version: int
    workflow_id: str
    workflow_generation: int
    subject: FenceSubject | None = None
    queue_lease: QueueLease | None = None
    repository: RepositoryReservation | None = None


def canonical_kind(kind: str) -> str:
    """The short kind used inside: ``animus.task`` and ``task`` are one kind, a foreign kind stays as it is."""
    trimmed = kind.strip()
    return trimmed.removeprefix(_FIRST_PARTY) if trimmed.startswith(_FIRST_PARTY) else trimmed


def qualified_id(kind: str, subject_id: str) -> str:
    """The canonical ``<kind>:<id>``; an id that already carries its prefix is not prefixed twice.

    Raises:
        ValueError: the kind or the id is blank, or the id is nothing but the prefix.
    """
    short, native = canonical_kind(kind), subject_id.strip()
    prefix = f"{short}:"
    if ":" in native and native.lower().startswith(prefix.lower()):
        native = native[len(prefix) :].strip()
    if not short or not native:
        raise ValueError("queue subject identity is missing: a subject needs a kind and an id")
    return prefix + native


def subject_key(subject: SubjectRef) -> str:
    """The old-style key foreign hosts compare with; two built-in kinds with one id collide in it."""
    return subject.id if subject.kind.lower() in _BARE_KEY_KINDS else f"{subject.kind}::{subject.id}"


def priority_word(level: int | None) -> str | None:
    """The dispatch priority for a subject's numeric one: 0 critical, 1 high, 2 medium, 3 and 4 low."""
    return None if level is None else _PRIORITY_WORDS[min(level, len(_PRIORITY_WORDS) - 1)]
