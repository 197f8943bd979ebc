"""Subjects: each call goes to the plugin that holds the role for their kind."""

from typing import Any

import msgspec

from animus_kernel.door import split_subject
from animus_kernel.kernel import Kernel
from animus_kernel.seam import ask_backend
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control, subject
from animus_plugin_protocol.wire.dispatch import canonical_kind

__all__ = ["create", "get", "list_subjects", "next_subject", "set_status", "update"]


async def create(kernel: Kernel, params: control.SubjectCreateParams) -> subject.Subject:
    """Make a subject."""
    kind = canonical_kind(params.kind)
    wire = msgspec.convert(msgspec.structs.asdict(params) | {"kind": kind}, subject.SubjectCreateParams)
    return await ask_backend(kernel.plugins, kind, methods.SUBJECT_CREATE, wire, subject.Subject)


async def list_subjects(kernel: Kernel, params: control.SubjectListParams) -> control.SubjectListResult:
    """A page of the subjects of a kind."""
    kind = canonical_kind(params.kind)
    wire = subject.SubjectListParams(status=params.status, kind=[kind], limit=params.limit, cursor=params.cursor)
    page = await ask_backend(kernel.plugins, kind, methods.SUBJECT_LIST, wire, subject.SubjectList)
    return control.SubjectListResult(subjects=page.subjects, next_cursor=page.next_cursor)


async def get(kernel: Kernel, params: control.SubjectGetParams) -> subject.Subject:
    """One subject."""
    kind, subject_id = split_subject(params.id)
    return await ask_backend(
        kernel.plugins, kind, methods.SUBJECT_GET, subject.SubjectIdParams(id=subject_id), subject.Subject
    )


async def update(kernel: Kernel, params: control.SubjectUpdateParams) -> subject.Subject:
    """Change a subject."""
    kind, subject_id = split_subject(params.id)
    wire = subject.SubjectUpdateParams(id=subject_id, patch=params.patch)
    return await ask_backend(kernel.plugins, kind, methods.SUBJECT_UPDATE, wire, subject.Subject)


async def set_status(kernel: Kernel, params: control.SubjectStatusParams) -> subject.Subject:
    """Set a subject's status."""
    kind, subject_id = split_subject(params.id)
    wire = subject.SubjectStatusParams(id=subject_id, status=params.status)
    return await ask_backend(kernel.plugins, kind, methods.SUBJECT_STATUS, wire, subject.Subject)


async def next_subject(kernel: Kernel, params: control.SubjectNextParams) -> control.SubjectNextResult:
    """The most urgent ready subject; backends answer null, the subject, or the subject in an object."""
    kind = canonical_kind(params.kind)
    found = await ask_backend(kernel.plugins, kind, methods.SUBJECT_NEXT, subject.SubjectNextParams(kind=kind), Any)
    if isinstance(found, dict) and "subject" in found:
        found = found["subject"]
    return control.SubjectNextResult(subject=None if found is None else msgspec.convert(found, subject.Subject))
