"""The routes: one for each operation that programs are offered, made from its name and params.

==========================  =================================
operation                   route
==========================  =================================
``queue/list``              ``GET /api/v1/queue``
``subject/create``          ``POST /api/v1/subjects``
``workflow/get``            ``GET /api/v1/workflows/{id}``
``workflow/phase/approve``  ``POST /api/v1/workflows/{id}/phase/approve``
``daemon/logs``             ``GET /api/v1/daemon/logs``
==========================  =================================

What only reads is a GET and takes its arguments from the query; what changes something takes a JSON object.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from animus_cli.arguments import WAITS_FOR_THE_END, closed_schema, params_of
from animus_cli.exposure import EXPOSED, Effect, Exposure
from animus_control.operations import OPERATIONS, Operation

__all__ = ["ACTOR", "ORIGIN", "PREFIX", "Route", "routes"]

PREFIX = ("api", "v1")
ORIGIN = "http"
"""What a dispatch says of the door it came through."""
ACTOR = {"user_id": "http"}
"""On whose behalf something is asked if the caller does not say: that of whoever has the token."""

_PLURALS = {noun: f"{noun}s" for noun in ("workflow", "subject", "schedule", "trigger")}
_PATH_FIELDS = ("id", "name", "session_id")
"""Fields that name the thing an operation is about; one that is required is a part of the path."""
_LAST_WORDS = {
    "list": "GET",
    "get": "GET",
    "create": "POST",
    "update": "PATCH",
    "delete": "DELETE",
}
"""Words that the method and the path say."""
_ABOUT_ONE = frozenset({"update", "delete"})
_OWN_WORD = frozenset({"trigger_source", "subject_dispatch", "task_id", "detach"})
"""Fields this door fills itself: where work comes from, and that nobody waits for its end."""


class Route(NamedTuple):
    """One route.

    Attributes:
        path: the segments after the prefix; None stands for the value of `path_field`.
        schema: the JSON schema of the arguments beside the path's.
    """

    method: str
    path: tuple[str | None, ...]
    path_field: str | None
    operation: Operation
    exposure: Exposure
    schema: dict[str, Any]

    @property
    def template(self) -> str:
        """The path as people write it."""
        return "/" + "/".join([*PREFIX, *(part or f"{{{self.path_field}}}" for part in self.path)])

    @property
    def takes_query(self) -> bool:
        """Whether the arguments are in the query."""
        return self.exposure.effect is Effect.READS

    @property
    def is_endless(self) -> bool:
        """Whether it can only be followed."""
        fields = {field.name for field in msgspec.structs.fields(self.operation.params)}
        return self.operation.stream is not None and "follow" not in fields

    def params(self, name: str | None, given: Mapping[str, Any], *, follows: bool = False) -> Any:
        """The params struct.

        Args:
            name: the value in the path.
            given: the other arguments, JSON values or, of a query, text.
            follows: ask for what happens from now on as well.

        Raises:
            ArgumentsError: they do not fit.
        """
        known: dict[str, Any] = self.schema["properties"]
        fixed: dict[str, Any] = {"trigger_source": ORIGIN, "detach": True, "follow": follows}
        if self.path_field is not None:
            fixed[self.path_field] = name
        whole = {"actor": ACTOR, **given} if "actor" in known else given
        caller = f"{self.method} {self.template}"
        return params_of(self.operation, whole, known=known, caller=caller, fixed=fixed, is_text=self.takes_query)


def routes() -> list[Route]:
    """Every route, in the order of the table."""
    return [_route(OPERATIONS[name], exposure) for name, exposure in EXPOSED.items()]


def _route(operation: Operation, exposure: Exposure) -> Route:
    noun, *words = operation.name.split("/")
    required = {field.name for field in msgspec.structs.fields(operation.params) if field.required}
    path_field = next((name for name in _PATH_FIELDS if name in required), None)
    method = "GET" if exposure.effect is Effect.READS else "POST"
    last = words[-1]
    if last in _LAST_WORDS and (path_field is not None or last not in _ABOUT_ONE):
        method = _LAST_WORDS[words.pop()]
    place: list[str | None] = [] if path_field is None else [None]
    kept_out = WAITS_FOR_THE_END | _OWN_WORD | {path_field}
    schema = closed_schema(operation.params, lambda name, _: name not in kept_out)
    return Route(method, (_PLURALS.get(noun, noun), *place, *words), path_field, operation, exposure, schema)
