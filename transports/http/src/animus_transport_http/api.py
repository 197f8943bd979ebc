"""The application: a request's head becomes a call of an operation, or the reason why not."""

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec

from animus_cli.arguments import ArgumentsError
from animus_control.project import Project
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_transport_http.call import call, listed, plain_items
from animus_transport_http.daemon import DaemonConnection
from animus_transport_http.event_stream import EVENT_STREAM, EventStream
from animus_transport_http.exchange import Answer, Head, Response, Streamed, data_response
from animus_transport_http.guard import Guard
from animus_transport_http.openapi import document
from animus_transport_http.query import query_arguments
from animus_transport_http.refusal import RefusalError
from animus_transport_http.resumption import NUMBERED, Resumption
from animus_transport_http.route import PREFIX, Route, routes

__all__ = ["STREAM_LIMIT", "Api", "Call"]

Call = Callable[[bytes], Awaitable[Answer]]
"""Takes the request's body and answers; raises what `refusal_of` understands."""

STREAM_LIMIT = 32
"""How many streams may be open at once."""
_JSON = "application/json"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_DOCUMENT = "openapi.json"


class Api:
    """What is served below ``/api/v1``.

    Args:
        project: whose daemon is asked.
        guard: who may ask.
        management: whether what decides in a person's place is offered.
    """

    def __init__(self, project: Project, guard: Guard, *, management: bool) -> None:
        self._project, self._guard, self._management = project, guard, management
        self._routes: dict[tuple[str | None, ...], dict[str, Route]] = {}
        for route in routes():
            self._routes.setdefault(route.path, {})[route.method] = route
        self._streams: set[EventStream] = set()

    def look_at(self, head: Head) -> Call:
        """How a request is answered; its body is not needed to say so.

        Raises:
            RefusalError: it is not.
        """
        self._guard.check(head)
        method = "GET" if head.method == "HEAD" else head.method
        if head.path[: len(PREFIX)] == PREFIX:
            path = head.path[len(PREFIX) :]
            if path == (_DOCUMENT,) and method == "GET":
                return self._describe
            methods = self._routes.get(path)
            name = None
            if methods is None and len(path) > 1 and path[1]:
                methods, name = self._routes.get((path[0], None, *path[2:])), path[1]
            if methods is not None:
                return self._call_of(_chosen(methods, method), name, head)
        message = f"there is nothing at {'/' + '/'.join(head.path)!r}; see /{'/'.join(PREFIX)}/{_DOCUMENT}"
        raise RefusalError(404, "not_found", message)

    def close(self) -> None:
        """End the streams; their clients are told."""
        for stream in tuple(self._streams):
            stream.end("server_stopped")

    def _call_of(self, route: Route, name: str | None, head: Head) -> Call:
        if route.exposure.is_management and not self._management:
            message = (
                f"{route.operation.name!r} decides in a person's place; start 'animus http serve --management' for it"
            )
            raise RefusalError(403, "forbidden", message)
        if route.operation.stream is None or head.method == "HEAD":
            return lambda body: self._result(route, name, _arguments(route, head, body))
        if head.accepts(EVENT_STREAM) or route.is_endless:
            return lambda body: self._follow(route, name, _arguments(route, head, body), head)
        return lambda body: self._list(route, name, _arguments(route, head, body))

    @functools.cached_property
    def _document(self) -> bytes:
        return msgspec.json.encode(document(management=self._management))

    async def _describe(self, _: bytes) -> Answer:
        return Response(200, self._document)

    async def _result(self, route: Route, name: str | None, given: Mapping[str, Any]) -> Answer:
        result = await call(self._project, route.operation, _params(route, name, given))
        if route.operation.result is str:
            return Response(200, msgspec.json.decode(result, type=str).encode(), _METRICS)
        return data_response(result)

    async def _list(self, route: Route, name: str | None, given: Mapping[str, Any]) -> Answer:
        return data_response(await listed(self._project, route.operation, _params(route, name, given)))

    async def _follow(self, route: Route, name: str | None, given: Mapping[str, Any], head: Head) -> Answer:
        operation = route.operation
        params = _params(route, name, given, follows=True)
        resumption = Resumption()
        last = head.headers.get("last-event-id")
        if operation.name == NUMBERED and last:
            resumption = await Resumption.find(self._project, last)
            params = msgspec.structs.replace(params, limit=resumption.limit, since=None)
        daemon = await DaemonConnection.open(self._project)
        try:
            await daemon.ask(operation, params)
            stream = EventStream(resumption.items(daemon) if operation.name == NUMBERED else plain_items(daemon))
            self._admit(stream)
        except BaseException:
            daemon.close()
            raise
        return Streamed(stream.chunks(), lambda: self._let_go(stream, daemon))

    def _admit(self, stream: EventStream) -> None:
        if len(self._streams) >= STREAM_LIMIT:
            raise RefusalError(503, "unavailable", f"{STREAM_LIMIT} streams are open, which is all there may be")
        self._streams.add(stream)

    def _let_go(self, stream: EventStream, daemon: DaemonConnection) -> None:
        self._streams.discard(stream)
        daemon.close()


def _chosen(methods: Mapping[str, Route], method: str) -> Route:
    if method in methods:
        return methods[method]
    allowed = ", ".join(methods)
    message = f"{method} is not for this path; it takes {allowed}"
    raise RefusalError(405, "method_not_allowed", message, headers=(("Allow", allowed),))


def _arguments(route: Route, head: Head, body: bytes) -> dict[str, Any]:
    """What a request gives beside the path."""
    if route.takes_query:
        return query_arguments(head.query, route.schema)
    if head.query:
        message = f"{route.method} {route.template} takes its arguments as a JSON object, not in the query"
        raise RefusalError(400, "invalid_input", message)
    if not body:
        return {}
    if head.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise RefusalError(415, "unsupported_media_type", f"send the body as {_JSON}")
    try:
        given: Any = msgspec.json.decode(body)
    except DECODE_ERRORS as error:
        raise RefusalError(400, "invalid_input", f"the body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise RefusalError(400, "invalid_input", "the body must be a JSON object")
    return cast("dict[str, Any]", given)


def _params(route: Route, name: str | None, given: Mapping[str, Any], *, follows: bool = False) -> Any:
    try:
        return route.params(name, given, follows=follows)
    except ArgumentsError as error:
        raise RefusalError(400, "invalid_input", str(error)) from None
