"""Subjects: each call goes to the plugin that holds the role for their kind."""

from typing import Any

import msgspec

from animus_kernel.door import split_subject
from animus_kernel.kernel import Kernel
from animus_kernel.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control, subject
from animus_plugin_protocol.wire.dispatch import canonical_kind

__all__ = ["create", "get", "list_subjects", "next_subject", "set_status", "update"]


async def create(kernel: Kernel, params: control.SubjectCreateParams) -> subject.Subject:
    """Make a subject."""
    kind = canonical_kind(params.kind)
    wire = subject.SubjectCreateParams(
        title=params.title,
        kind=kind,
        body=params.body,
        status=params.status,
        priority=params.priority,
        labels=params.labels,
        assignee=params.assignee,
        custom=params.custom,
    )
    made: subject.Subject = await _ask(kernel, kind, methods.SUBJECT_CREATE, wire)
    return made


async def list_subjects(kernel: Kernel, params: control.SubjectListParams) -> control.SubjectListResult:
    """A page of the subjects of a kind."""
    kind = canonical_kind(params.kind)
    wire = subject.SubjectListParams(status=params.status, kind=[kind], limit=params.limit, cursor=params.cursor)
    page: subject.SubjectList = await _ask(kernel, kind, methods.SUBJECT_LIST, wire)
    return control.SubjectListResult(subjects=page.subjects, next_cursor=page.next_cursor)


async def get(kernel: Kernel, params: control.SubjectGetParams) -> subject.Subject:
    """One subject."""
    kind, subject_id = split_subject(params.id)
    found: subject.Subject = await _ask(kernel, kind, methods.SUBJECT_GET, subject.SubjectIdParams(id=subject_id))
    return found


async def update(kernel: Kernel, params: control.SubjectUpdateParams) -> subject.Subject:
    """Change a subject."""
    kind, subject_id = split_subject(params.id)
    wire = subject.SubjectUpdateParams(id=subject_id, patch=params.patch)
    changed: subject.Subject = await _ask(kernel, kind, methods.SUBJECT_UPDATE, wire)
    return changed


async def set_status(kernel: Kernel, params: control.SubjectStatusParams) -> subject.Subject:
    """Set a subject's status."""
    kind, subject_id = split_subject(params.id)
    wire = subject.SubjectStatusParams(id=subject_id, status=params.status)
    changed: subject.Subject = await _ask(kernel, kind, methods.SUBJECT_STATUS, wire)
    return changed


async def next_subject(kernel: Kernel, params: control.SubjectNextParams) -> control.SubjectNextResult:
    """The most urgent ready subject; backends answer null, the subject, or the subject in an object."""
    kind = canonical_kind(params.kind)
    found: Any = await _ask(kernel, kind, methods.SUBJECT_NEXT, subject.SubjectNextParams(kind=kind))
    if isinstance(found, dict) and "subject" in found:
        found = found["subject"]
    return control.SubjectNextResult(subject=None if found is None else msgspec.convert(found, subject.Subject))


async def _ask(kernel: Kernel, kind: str, method: str, params: Any) -> Any:
    role, spelling = f"subject_backend:{kind}", methods.subject_verb(kind, method)
    return await ask(kernel.plugins, method, params, role=role, spelling=spelling)
