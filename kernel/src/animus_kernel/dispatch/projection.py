"""Runs shown on their subjects: the pack that owns a kind says which run status gives which subject status."""

from animus_composition.pack import Packs
from animus_control.event_log import EventLog
from animus_kernel.dispatch.run import Run
from animus_kernel.routing.seam import Plugins, ask_backend
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.methods import SUBJECT_STATUS
from animus_plugin_protocol.wire.dispatch import canonical_kind
from animus_plugin_protocol.wire.subject import Subject, SubjectStatusParams

__all__ = ["PROJECTION_SECONDS", "Projector"]

PROJECTION_SECONDS = 10.0
"""How long a subject's backend may take; a run does not fail because its subject could not be marked."""


class Projector:
    """Applies the packs' projections through the subjects' own backends."""

    def __init__(self, plugins: Plugins, packs: Packs, events: EventLog) -> None:
        self._plugins, self._packs, self._events = plugins, packs, events

    async def apply(self, run: Run, run_status: str) -> None:
        """Give the run's subject the status that stands for `run_status`, if its pack says one."""
        subject = run.entry.subject_dispatch.subject
        if subject is None:
            return
        kind = canonical_kind(subject.kind)
        status = self._packs.projection_for(kind).get(run_status)
        if status is None:
            return
        facts = {"workflow_id": run.run_id, "subject_id": run.subject_id, "status": status.value}
        try:
            wire, seconds = SubjectStatusParams(id=run.subject_id, status=status), PROJECTION_SECONDS
            await ask_backend(self._plugins, kind, SUBJECT_STATUS, wire, Subject, seconds)
        except RpcFault as fault:
            self._events.record("projection_failed", **facts, reason=fault.message)
        else:
            self._events.record("subject_projected", **facts, run_status=run_status)
