"""The ``journal/*`` methods over the runner's journal."""

import datetime
from typing import Any

import msgspec

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.workflow_journal import (
    JournalCheckpointListResult,
    JournalCheckpointLoadResult,
    JournalCheckpointParams,
    JournalCheckpointPruneParams,
    JournalCheckpointSaveParams,
    JournalEvent,
    JournalEventsParams,
    JournalEventsResult,
    JournalIdsResult,
    JournalListParams,
    JournalListResult,
    JournalLoadResult,
    JournalRecordParams,
    JournalRun,
    JournalRunParams,
    JournalSaveParams,
    JournalSchema,
)
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.journal import checkpoint, store
from animus_workflow_runner_default.wire.binding import Binding

__all__ = ["register_journal"]


def register_journal(plugin: Plugin, binding: Binding) -> None:
    """Register the handlers of the kind."""
    answers = _Answers(binding)
    plugin.register_method(methods.JOURNAL_SAVE, answers.save)
    plugin.register_method(methods.JOURNAL_LOAD, answers.load)
    plugin.register_method(methods.JOURNAL_LIST, answers.list)
    plugin.register_method(methods.JOURNAL_QUERY_IDS, answers.query_ids)
    plugin.register_method(methods.JOURNAL_DELETE, answers.delete)
    plugin.register_method(methods.JOURNAL_CHECKPOINT_SAVE, answers.checkpoint_save)
    plugin.register_method(methods.JOURNAL_CHECKPOINT_LOAD, answers.checkpoint_load)
    plugin.register_method(methods.JOURNAL_CHECKPOINT_LIST, answers.checkpoint_list)
    plugin.register_method(methods.JOURNAL_CHECKPOINT_PRUNE, answers.checkpoint_prune)
    plugin.register_method(methods.JOURNAL_RECORD, answers.record)
    plugin.register_method(methods.JOURNAL_EVENTS, answers.events)
    plugin.register_method(methods.JOURNAL_SCHEMA, answers.schema)


class _Answers:
    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    async def save(self, params: JournalSaveParams) -> Any:
        run = params.run
        now = self._binding.services.clock.now()
        stored = store.StoredRun(
            workflow_id=run.workflow_id,
            workflow_ref=run.workflow_ref,
            status=run.status,
            kind=run.kind,
            blob=run.blob,
            created_at=timestamp(run.created_at or now),
            updated_at=timestamp(run.updated_at or now),
        )
        await self._binding.ask(lambda journal: store.save_run(journal, stored))

    async def load(self, params: JournalRunParams) -> JournalLoadResult:
        found = await self._binding.ask(lambda journal: store.load_run(journal, params.workflow_id))
        return JournalLoadResult(run=None if found is None else _on_wire(found))

    async def list(self, params: JournalListParams) -> JournalListResult:
        runs, more = await self._binding.ask(lambda journal: store.list_runs(journal, _filter(params)))
        return JournalListResult(runs=[_on_wire(run) for run in runs], truncated=more)

    async def query_ids(self, params: JournalListParams) -> JournalIdsResult:
        ids, more = await self._binding.ask(lambda journal: store.list_ids(journal, _filter(params)))
        return JournalIdsResult(ids=ids, truncated=more)

    async def delete(self, params: JournalRunParams) -> Any:
        await self._binding.ask(lambda journal: store.delete_run(journal, params.workflow_id))

    async def checkpoint_save(self, params: JournalCheckpointSaveParams) -> Any:
        await self._binding.ask(
            lambda journal: checkpoint.save_checkpoint(journal, params.workflow_id, params.checkpoint_num, params.blob)
        )

    async def checkpoint_load(self, params: JournalCheckpointParams) -> JournalCheckpointLoadResult:
        blob = await self._binding.ask(
            lambda journal: checkpoint.load_checkpoint(journal, params.workflow_id, params.checkpoint_num)
        )
        return JournalCheckpointLoadResult(blob=blob)

    async def checkpoint_list(self, params: JournalRunParams) -> JournalCheckpointListResult:
        found = await self._binding.ask(lambda journal: checkpoint.list_checkpoints(journal, params.workflow_id))
        return JournalCheckpointListResult(checkpoint_nums=[item.number for item in found])

    async def checkpoint_prune(self, params: JournalCheckpointPruneParams) -> Any:
        await self._binding.ask(lambda journal: checkpoint.prune_checkpoints(journal, params.workflow_id, params.keep))

    async def record(self, params: JournalRecordParams) -> Any:
        event = params.event
        body = msgspec.to_builtins(event)
        await self._binding.ask(lambda journal: store.record_event(journal, event.run_id, event.ts, body))

    async def events(self, params: JournalEventsParams) -> JournalEventsResult:
        rows, more = await self._binding.ask(
            lambda journal: store.list_events(journal, params.run_id, params.since, params.limit)
        )
        return JournalEventsResult(events=[msgspec.convert(row, JournalEvent) for row in rows], truncated=more)

    async def schema(self, params: None) -> JournalSchema:
        del params
        return JournalSchema(supports_checkpoints=True, supports_events=True, supports_filtering=True)


def _filter(params: JournalListParams) -> store.RunFilter:
    return store.RunFilter(params.status, params.workflow_ref, params.updated_since, params.limit)


def _on_wire(run: store.StoredRun) -> JournalRun:
    return JournalRun(
        workflow_id=run.workflow_id,
        status=run.status,
        blob=run.blob,
        workflow_ref=run.workflow_ref,
        kind=run.kind,
        created_at=datetime.datetime.fromisoformat(run.created_at),
        updated_at=datetime.datetime.fromisoformat(run.updated_at),
    )
