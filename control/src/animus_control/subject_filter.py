"""Which changes of subjects somebody wants to hear of."""

from animus_control.errors import ControlError
from animus_plugin_protocol.wire.dispatch import canonical_kind
from animus_plugin_protocol.wire.subject import Subject, SubjectFilter

__all__ = ["fits", "require_watchable"]


def require_watchable(wanted: SubjectFilter) -> None:
    """Refuse what makes no sense for changes.

    Raises:
        ControlError: ``invalid_request`` names the member.
    """
    for name in ("cursor", "limit", "dispatch_label"):
        if getattr(wanted, name) is not None:
            message = f"'filter.{name}' is for lists; changes are followed as they come"
            raise ControlError("invalid_request", message)


def fits(subject: Subject, wanted: SubjectFilter) -> bool:
    """Whether a subject is one of those wanted."""
    labels, attached = set(subject.labels), {one.kind for one in subject.attachments}
    return (
        (not wanted.status or subject.status in wanted.status)
        and (not wanted.kind or canonical_kind(subject.kind) in map(canonical_kind, wanted.kind))
        and (not wanted.assignee or subject.assignee in wanted.assignee)
        and (not wanted.labels_any or not labels.isdisjoint(wanted.labels_any))
        and labels.issuperset(wanted.labels_all)
        and (wanted.updated_since is None or subject.updated_at >= wanted.updated_since)
        and wanted.native_status in {None, subject.native_status}
        and (wanted.has_attachment_kind is None or wanted.has_attachment_kind in attached)
    )
