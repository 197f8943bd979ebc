"""The subject_backend kind over the store: one handler per method, nothing but translation in between."""

import threading
from typing import TYPE_CHECKING, Any, Final

from animus_plugin_protocol import Context, Plugin, methods
from animus_plugin_protocol.wire.lifecycle import HealthCheckResult
from animus_plugin_protocol.wire.subject import (
    Subject,
    SubjectChangedNote,
    SubjectCreateParams,
    SubjectDeleteResult,
    SubjectIdParams,
    SubjectList,
    SubjectListParams,
    SubjectNextParams,
    SubjectSchema,
    SubjectStatus,
    SubjectStatusParams,
    SubjectUnwatchParams,
    SubjectUpdateParams,
)
from animus_subject_default.errors import InvalidSubjectError, SubjectNotFoundError, SubjectStoreError
from animus_subject_default.place import database_path
from animus_subject_default.record import KINDS, Change, Clock, SubjectChanges, utc_now
from animus_subject_default.status import Status
from animus_subject_default.translation import (
    changes_of,
    event_of,
    filter_of,
    identity,
    is_unmatchable,
    kinds_asked,
    named_faults,
    new_of,
    query_of,
    wire_subject,
)
from animus_subject_default.watch import Watches

if TYPE_CHECKING:
    from animus_subject_default.subject_store import SubjectStore

__all__ = ["VERSION", "SubjectBackend", "build"]

VERSION: Final = "0.1.0"


class SubjectBackend:
    """The handlers. The database is opened by the first request that needs it, not by the handshake."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        """Start without a database and without watches."""
        self._clock = clock
        self._watches = Watches()
        self._opening = threading.Lock()
        self._announcing = threading.Lock()
        self._store: SubjectStore | None = None
        self._last_error: str | None = None

    def register(self, plugin: Plugin) -> None:
        """Serve every method of the kind, for every subject kind."""
        plugin.subject_kinds = tuple(KINDS)
        plugin.register_method(methods.SUBJECT_LIST, self.list)
        plugin.register_method(methods.SUBJECT_GET, self.get)
        plugin.register_method(methods.SUBJECT_CREATE, self.create)
        plugin.register_method(methods.SUBJECT_UPDATE, self.update)
        plugin.register_method(methods.SUBJECT_DELETE, self.delete)
        plugin.register_method(methods.SUBJECT_STATUS, self.set_status)
        plugin.register_method(methods.SUBJECT_NEXT, self.next)
        plugin.register_method(methods.SUBJECT_WATCH, self.watch)
        plugin.register_method(methods.SUBJECT_UNWATCH, self.unwatch)
        plugin.register_method(methods.SUBJECT_SCHEMA, self.schema)
        plugin.on_health(self.health)
        plugin.on_shutdown(self.close)

    def list(self, params: SubjectListParams, context: Context) -> SubjectList:
        """A page of subjects, oldest first; ``limit`` is 50 unless said, 0 asks for as many as a page may hold."""
        with named_faults():
            wanted = filter_of(params)
            query = query_of(wanted, context.subject_kind)
            if is_unmatchable(wanted):
                return SubjectList(subjects=[], fetched_at=self._clock())
            page = self._opened(context).page(query, cursor=wanted.cursor, limit=wanted.limit)
        subjects = [wire_subject(record) for record in page.records]
        return SubjectList(subjects=subjects, fetched_at=self._clock(), next_cursor=page.next_cursor)

    def get(self, params: SubjectIdParams, context: Context) -> Subject:
        """One subject."""
        with named_faults():
            kind, native_id = identity(params.id, context.subject_kind)
            return wire_subject(self._opened(context).get(kind, native_id))

    def create(self, params: SubjectCreateParams, context: Context) -> Subject:
        """Make a subject under the next id of its kind."""
        with named_faults(), self._announcing:
            record = self._opened(context).create(new_of(params, context.subject_kind))
            self._announce(Change(before=None, after=record), context)
        return wire_subject(record)

    def update(self, params: SubjectUpdateParams, context: Context) -> Subject:
        """Patch a subject."""
        return self._change(params.id, changes_of(params.patch), context)

    def set_status(self, params: SubjectStatusParams, context: Context) -> Subject:
        """Set a status, by the table of allowed changes."""
        return self._change(params.id, SubjectChanges(status=Status(params.status)), context)

    def delete(self, params: SubjectIdParams, context: Context) -> SubjectDeleteResult:
        """Remove a subject; its id is not given again."""
        with named_faults(), self._announcing:
            kind, native_id = identity(params.id, context.subject_kind)
            removed = self._opened(context).delete(kind, native_id)
            self._announce(Change(before=removed, after=None), context)
        return SubjectDeleteResult(ok=True)

    def next(self, params: SubjectNextParams, context: Context) -> Subject | None:
        """The most urgent ready subject, or null."""
        with named_faults():
            kinds = kinds_asked([] if params.kind is None else [params.kind], context.subject_kind)
            record = self._opened(context).next_ready(kinds)
        return None if record is None else wire_subject(record)

    def watch(self, params: SubjectListParams, context: Context) -> dict[str, bool]:
        """Tell of changes made through this process, as ``subject/changed`` with the id of this request.

        Raises:
            RefusedError: the filter has pages, or asks for what no subject here has.
        """
        with named_faults():
            wanted = filter_of(params)
            if wanted.cursor is not None or wanted.limit is not None:
                raise InvalidSubjectError("a watch has no pages; leave out cursor and limit")
            query = query_of(wanted, context.subject_kind)
            if is_unmatchable(wanted):
                raise InvalidSubjectError("no subject here has a native status, dispatch label or attachment to watch")
            self._opened(context)
            self._watches.open(context.request_id, query)
        return {"watching": True}

    def unwatch(self, params: SubjectUnwatchParams) -> dict[str, bool]:
        """End a watch.

        Raises:
            RefusedError: there is none of that id.
        """
        with named_faults():
            if not self._watches.close(params.watch_id):
                raise SubjectNotFoundError(f"there is no watch {params.watch_id!r}")
        return {"watching": False}

    def schema(self, params: None) -> SubjectSchema:  # noqa: ARG002 - the method carries no params, the loop passes None
        """What this backend can do."""
        return SubjectSchema(
            kinds=list(KINDS),
            status_values=list(SubjectStatus),
            supports_watch=True,
            supports_create=True,
            supports_delete=True,
            supports_pagination=True,
        )

    def health(self) -> HealthCheckResult:
        """Unhealthy while the database cannot be used."""
        if self._last_error is None:
            return HealthCheckResult(status="healthy")
        return HealthCheckResult(status="unhealthy", last_error=self._last_error)

    def close(self) -> None:
        """Let go of the database."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _change(self, subject_id: str, changes: SubjectChanges, context: Context) -> Subject:
        with named_faults(), self._announcing:
            kind, native_id = identity(subject_id, context.subject_kind)
            before, after = self._opened(context).update(kind, native_id, changes)
            self._announce(Change(before=before, after=after), context)
        return wire_subject(after)

    def _announce(self, change: Change, context: Context) -> None:
        """Tell the watchers, in the order of the commits: callers hold `_announcing` around commit and this."""
        event = event_of(change)
        if event is not None:
            for watch_id in self._watches.interested(change):
                note: Any = SubjectChangedNote(id=watch_id, event=event)
                context.notify(methods.SUBJECT_CHANGED, note)

    def _opened(self, context: Context) -> "SubjectStore":
        with self._opening:
            if self._store is None:
                path = database_path(context.binding)
                # Imported here: the handshake does not wait for SQLite.
                from animus_subject_default.subject_store import SubjectStore  # noqa: PLC0415

                try:
                    self._store = SubjectStore(path, clock=self._clock)
                except SubjectStoreError as error:
                    self._last_error = str(error)
                    raise
                self._last_error = None
            return self._store


def build(*, clock: Clock = utc_now) -> Plugin:
    """The plugin, ready to run."""
    plugin = Plugin("animus-subject-default", VERSION, description="Tasks and requirements in SQLite.")
    SubjectBackend(clock=clock).register(plugin)
    return plugin
