"""What is known about one started process, and how it stands on disk."""

import functools
import json
import os
import time
from typing import Any, NamedTuple, Self, cast

from animus_process.environment import MARK_VARIABLE
from animus_process.system import environment_of, row_of, start_time_of

__all__ = ["ProcessRecord", "RecordError", "mark_in"]

_FORMAT = 1
_EXEC_LOOKS = 20
_EXEC_PAUSE_SECONDS = 0.001


class RecordError(ValueError):
    """A record file that cannot be understood."""


class ProcessRecord(NamedTuple):
    """One process, who owns it, and how its descendants are found.

    Attributes:
        record_id: names the record file.
        pid: the process.
        start_time: see `animus_process.start_time_of`; None where the system did not tell.
        pgid: its process group; equal to `pid` when it leads its own, which is when the group may be signalled.
        mark: the value of ``ANIMUS_PROCESS_MARK`` in its environment; empty when it carries none.
        owner_pid: the process that started it; when that one is dead, anybody may end this one.
        owner_start_time: of the owner.
        purpose: a word for people: ``plugin``, ``command``, ``agent``.
        run_id: the run it works for, if any.
    """

    record_id: str
    pid: int
    start_time: str | None
    pgid: int
    mark: str
    owner_pid: int
    owner_start_time: str | None
    purpose: str
    run_id: str | None = None

    @classmethod
    def of(
        cls,
        pid: int,
        *,
        purpose: str = "process",
        run_id: str | None = None,
        mark: str | None = None,
        record_id: str = "",
    ) -> Self:
        """Describe a running process that this process owns.

        Args:
            pid: the process, running now.
            purpose: a word for people.
            run_id: the run it works for.
            mark: its mark; None reads it from the process's environment where the system shows it.
            record_id: the name for the record file.

        Raises:
            ValueError: `pid` is this process, init, or not a process id.
        """
        if pid <= 1 or pid == os.getpid():
            message = f"pid {pid} is never recorded or ended: it is this process, init or no process id"
            raise ValueError(message)
        row = row_of(pid)
        found = _mark_of(pid) if mark is None else mark
        # A mark that we carry ourselves would make us our own descendant.
        safe = "" if found == os.environ.get(MARK_VARIABLE) else found
        return cls(
            record_id=record_id or str(pid),
            pid=pid,
            start_time=None if row is None else row.start_time,
            pgid=0 if row is None else row.group,
            mark=safe,
            owner_pid=os.getpid(),
            owner_start_time=_start_time_of_owner(os.getpid()),
            purpose=purpose,
            run_id=run_id,
        )

    def encode(self) -> bytes:
        """The record as JSON."""
        return json.dumps({"format": _FORMAT, **self._asdict()}).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a record back.

        Raises:
            RecordError: it is no JSON, of another format, or a field is missing or of a wrong type.
        """
        try:
            loaded: Any = json.loads(data)
        except ValueError as error:
            message = f"not JSON: {error}"
            raise RecordError(message) from error
        fields = cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}
        if fields.get("format") != _FORMAT:
            message = f"not a process record of format {_FORMAT}"
            raise RecordError(message)
        for name, kinds in _FIELD_TYPES.items():
            if not isinstance(fields.get(name), kinds) or isinstance(fields.get(name), bool):
                message = f"field {name!r} is missing or of a wrong type"
                raise RecordError(message)
        return cls(**{name: fields[name] for name in _FIELD_TYPES})


_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "record_id": (str,),
    "pid": (int,),
    "start_time": (str, type(None)),
    "pgid": (int,),
    "mark": (str,),
    "owner_pid": (int,),
    "owner_start_time": (str, type(None)),
    "purpose": (str,),
    "run_id": (str, type(None)),
}


@functools.lru_cache(maxsize=1)
def _start_time_of_owner(pid: int) -> str | None:
    """Our own start time, which does not change; a fork asks again, for it has another pid."""
    return start_time_of(pid)


def _mark_of(pid: int) -> str:
    """The mark of a process that was just started: while it becomes its program the system shows no environment."""
    for _ in range(_EXEC_LOOKS):
        environment = environment_of(pid)
        if environment:
            return mark_in(environment)
        time.sleep(_EXEC_PAUSE_SECONDS)
    return ""


def mark_in(environment: bytes) -> str:
    """The mark in an environment as the system shows it; empty when there is none."""
    name = f"{MARK_VARIABLE}=".encode()
    start = 0 if environment.startswith(name) else environment.find(b"\0" + name) + 1
    if start == 0 and not environment.startswith(name):
        return ""
    return environment[start + len(name) :].partition(b"\0")[0].decode("utf-8", "replace")
