"""Subjects: each call goes to the plugin that holds the role for their kind."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from animus_control.subject_filter import fits, require_watchable
from animus_kernel.dispatch.door import split_subject
from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import ask_backend
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import control, subject
from animus_plugin_protocol.wire.dispatch import canonical_kind

__all__ = ["batch_create", "create", "delete", "get", "list_subjects", "next_subject", "set_status", "update", "watch"]

AnswerType = TypeVar("AnswerType")


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


async def batch_create(kernel: Kernel, params: control.SubjectBatchParams) -> control.SubjectBatchResult:
    """Make several subjects, one after the other."""
    made: list[subject.Subject] = []
    faults: list[control.SubjectFault] = []
    for index, item in enumerate(params.items):
        try:
            made.append(await create(kernel, item))
        except RpcFault as fault:
            faults.append(control.SubjectFault(index=index, title=item.title, message=fault.message))
            if params.stop_on_error:
                break
    return control.SubjectBatchResult(subjects=made, faults=faults)


def _at_backend(method: str, answer: type[AnswerType]) -> Callable[[Kernel, Any], Awaitable[AnswerType]]:
    """The handler of an operation on one subject: its backend gets the same params with the canonical id."""

    async def handle(kernel: Kernel, params: Any) -> AnswerType:
        kind, subject_id = split_subject(params.id)
        wire = msgspec.structs.replace(params, id=subject_id)
        return await ask_backend(kernel.plugins, kind, method, wire, answer)

    return handle


get = _at_backend(methods.SUBJECT_GET, subject.Subject)
update = _at_backend(methods.SUBJECT_UPDATE, subject.Subject)
set_status = _at_backend(methods.SUBJECT_STATUS, subject.Subject)
delete = _at_backend(methods.SUBJECT_DELETE, subject.SubjectDeleteResult)


async def next_subject(kernel: Kernel, params: control.SubjectNextParams) -> control.SubjectNextResult:
    """The most urgent ready subject; backends answer null, the subject, or the subject in an object."""
    kind = canonical_kind(params.kind)
    wire = subject.SubjectNextParams(kind=kind)
    raw = await ask_backend(kernel.plugins, kind, methods.SUBJECT_NEXT, wire, msgspec.Raw)
    found: dict[str, Any] | None = msgspec.json.decode(raw)
    if found is not None and "subject" in found:
        found = found["subject"]
    return control.SubjectNextResult(subject=None if found is None else msgspec.convert(found, subject.Subject))


async def watch(kernel: Kernel, params: control.SubjectWatchParams) -> AsyncIterator[subject.SubjectChangedEvent]:
    """The changes of subjects from now on."""
    wanted = params.filter or subject.SubjectFilter()
    require_watchable(wanted)
    kinds = [params.kind] if params.kind else wanted.kind or kernel.plugins.subject_kinds()
    changes = await kernel.subject_changes.follow([canonical_kind(kind) for kind in kinds])

    async def tell() -> AsyncIterator[subject.SubjectChangedEvent]:
        async with contextlib.aclosing(changes):
            async for event in changes:
                is_meant = not params.kind or canonical_kind(event.subject.kind) == canonical_kind(params.kind)
                if is_meant and fits(event.subject, wanted):
                    yield event

    return tell()
