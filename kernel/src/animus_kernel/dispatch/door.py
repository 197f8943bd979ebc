"""The one door: whatever asks for work, the dispatch is built here and put on the queue here.

The subject is looked up at its backend, so that a dispatch carries what it is about; the workflow must exist.
"""

import asyncio
import uuid
from typing import Any, cast

import msgspec

from animus_control.errors import ControlError, category_of
from animus_control.project import Project
from animus_kernel.clock import Clock
from animus_kernel.dispatch.plain_queue import ask_queue
from animus_kernel.routing.seam import Plugins, ask, ask_backend
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.config_source import ConfigLoadParams, ConfigLoadResult
from animus_plugin_protocol.wire.control import QueueEnqueueParams, QueueEnqueueResult, WorkflowRunParams
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef, canonical_kind, qualified_id
from animus_plugin_protocol.wire.dispatch import priority_word as priority_of
from animus_plugin_protocol.wire.queue_v2 import FencedEnqueueParams, FencedEnqueueResult
from animus_plugin_protocol.wire.subject import Subject, SubjectIdParams

__all__ = ["AD_HOC_KIND", "Door", "split_subject"]

AD_HOC_KIND = "custom"
_LEGACY_FIELD = "task_id"
_VALIDATE = "animus workflow config validate"
"""What to type when a workflow cannot be had."""


class _Variable(msgspec.Struct):
    name: str
    required: bool = False
    default: str | None = None


class _Workflow(msgspec.Struct):
    variables: list[_Variable] = []


class _Workflows(msgspec.Struct):
    workflows: dict[str, _Workflow] = {}
    disabled: dict[str, str] = {}
    default_workflow_ref: str | None = None


_Wish = QueueEnqueueParams | WorkflowRunParams | SubjectDispatch
"""What carries the values of variables: `vars`, and the keys of `input`."""


class Door:
    """Builds dispatches and enqueues them."""

    def __init__(self, plugins: Plugins, project: Project, clock: Clock) -> None:
        self._plugins, self._clock = plugins, clock
        self.config_params = ConfigLoadParams(project_root=str(project.root), repo_scope=project.repo_scope)

    async def enqueue(self, params: QueueEnqueueParams) -> QueueEnqueueResult:
        """Put a dispatch on the queue, durably.

        Raises:
            ControlError: ``invalid_request`` for a wish that says nothing or too much; ``not_found`` for an unknown
                subject or workflow.
            RpcFault: a plugin refused or could not be asked.
        """
        dispatch = params.subject_dispatch
        if dispatch is None:
            text = params.subject or _legacy_subject(params.task_id)
            if text is None:
                raise ControlError("invalid_request", "say which subject as KIND:ID", next_step="animus subject list")
            look_ups = self.look_up(text), self.workflow_named(params.workflow_ref, params)
            about, workflow_ref = await asyncio.gather(*look_ups)
            dispatch = self._dispatch(params, workflow_ref, about)
        elif params.subject or params.task_id or dispatch.subject is None:
            raise ControlError("invalid_request", "a whole subject_dispatch holds the subject, and is given alone")
        else:
            await self.workflow_named(dispatch.workflow_ref, dispatch)
        return await self._put(dispatch, params)

    async def _put(self, dispatch: SubjectDispatch, params: QueueEnqueueParams) -> QueueEnqueueResult:
        wire = FencedEnqueueParams(
            subject_dispatch=dispatch,
            idempotency_key=params.idempotency_key,
            run_at=params.run_at,
            expire_after_secs=params.expire_after_secs,
        )
        receipt = await ask_queue(self._plugins, methods.QUEUE_V2_ENQUEUE, wire, FencedEnqueueResult)
        return QueueEnqueueResult(
            enqueued=receipt.enqueued,
            entry_id=receipt.entry_id,
            subject_id=receipt.subject.qualified_id,
            workflow_ref=dispatch.workflow_ref,
            warning=receipt.warning,
        )

    async def run(self, params: WorkflowRunParams) -> QueueEnqueueResult:
        """Enqueue what ``workflow/run`` asks for: about a subject, or about the workflow itself."""
        text = params.subject or _legacy_subject(params.task_id)
        if text is not None and (params.title or params.description):
            raise ControlError("invalid_request", "give a subject or the title of an ad hoc one, not both")
        workflow_ref = await self.workflow_named(params.definition, params)
        about: tuple[SubjectRef, Subject | None]
        if text is None:
            name = params.title or workflow_ref
            ad_hoc = SubjectRef(kind=AD_HOC_KIND, id=uuid.uuid4().hex[:12], title=name, description=params.description)
            about = (ad_hoc, None)
        else:
            about = await self.look_up(text)
        wish = QueueEnqueueParams(
            input=params.input,
            vars=params.vars,
            priority=params.priority,
            trigger_source=params.trigger_source,
            actor=params.actor,
        )
        return await self._put(self._dispatch(wish, workflow_ref, about), wish)

    async def look_up(self, text: str) -> tuple[SubjectRef, Subject | None]:
        """The reference for the subject ``KIND:ID`` with what its backend knows about it."""
        kind, subject_id = split_subject(text)
        params = SubjectIdParams(id=subject_id)
        try:
            found = await ask_backend(self._plugins, kind, methods.SUBJECT_GET, params, Subject)
        except RefusedError as fault:
            if fault.code == ErrorCode.HOST_NO_SUCH_PLUGIN or category_of(fault) == "not_found":
                raise _no_subject(subject_id, fault.message) from fault
            raise
        attributes = {name: str(value) for name, value in found.custom.items() if isinstance(value, str | int)}
        word = priority_of(found.priority)
        if word is not None:
            attributes["priority"] = word
        reference = SubjectRef(
            kind=kind,
            id=found.id,
            title=found.title,
            description=found.description,
            labels=found.labels,
            metadata={"attributes": attributes | {"status": found.status.value}},
        )
        return reference, found

    async def workflow_named(self, ref: str | None, wish: _Wish) -> str:
        """`ref` if it exists, or the project's default workflow; `wish` has to bring the variables it requires.

        Raises:
            ControlError: ``not_found`` lists what there is; ``invalid_request`` names the missing variables.
        """
        known = await self._workflows()
        names = list(known.workflows)
        wanted = ref or known.default_workflow_ref or (names[0] if len(names) == 1 else None)
        if wanted is None and names:
            raise ControlError("invalid_request", f"say which workflow: {', '.join(names)}")
        if wanted is None:
            raise ControlError("not_found", "there is no workflow that can be run", next_step=_VALIDATE)
        for name in names:
            if name.lower() == wanted.lower():
                _require_variables(name, known.workflows[name], wish)
                return name
        reason = {name.lower(): why for name, why in known.disabled.items()}.get(wanted.lower())
        missing = f"does not exist; there are: {', '.join(names)}" if names else "does not exist; none can be run"
        said = f"is disabled: {reason}" if reason else missing
        message = f"workflow {wanted!r} {said}"
        raise ControlError("not_found", message, details={"workflows": names}, next_step=_VALIDATE)

    async def workflow_names(self) -> list[str]:
        """The project's workflows, from whoever compiles them."""
        return list((await self._workflows()).workflows)

    async def config(self) -> Any:
        """The compiled definitions, from whoever compiles them."""
        return (await ask(self._plugins, methods.CONFIG_LOAD, self.config_params, ConfigLoadResult)).config.config

    async def _workflows(self) -> _Workflows:
        return msgspec.convert(await self.config(), _Workflows)

    def _dispatch(
        self, wish: QueueEnqueueParams, workflow_ref: str, about: tuple[SubjectRef, Subject | None]
    ) -> SubjectDispatch:
        reference, subject = about
        return SubjectDispatch(
            subject=reference,
            workflow_ref=workflow_ref,
            trigger_source=wish.trigger_source,
            requested_at=self._clock.now().isoformat().replace("+00:00", "Z"),
            input=wish.input,
            vars=wish.vars,
            priority=wish.priority or priority_of(subject.priority if subject else None),
            actor=wish.actor,
        )


def _require_variables(name: str, workflow: _Workflow, wish: _Wish) -> None:
    brought: object = wish.input
    given = {*wish.vars, *(cast("dict[str, Any]", brought) if isinstance(brought, dict) else {})}
    needed = [one.name for one in workflow.variables if one.required and one.default is None]
    flags = [f"--var {one}=VALUE" for one in needed if one not in given]
    if flags:
        message = f"workflow {name!r} needs {' and '.join(flags)}"
        raise ControlError("invalid_request", message, next_step=f"animus workflow run {name} {' '.join(flags)}")


def split_subject(text: str) -> tuple[str, str]:
    """``KIND:ID`` as the short kind and the canonical id.

    Raises:
        ControlError: ``invalid_request``.
    """
    kind, colon, native = text.partition(":")
    try:
        if colon:
            return canonical_kind(kind), qualified_id(kind, native)
    except ValueError:
        pass
    raise ControlError("invalid_request", f"{text!r} is no subject: write KIND:ID")


def _no_subject(subject_id: str, why: str) -> ControlError:
    return ControlError("not_found", f"there is no subject {subject_id!r}: {why}", next_step="animus subject list")


def _legacy_subject(native: str | None) -> str | None:
    """The field's own name says the kind it speaks of."""
    return None if native is None else f"{_LEGACY_FIELD.removesuffix('_id')}:{native}"
