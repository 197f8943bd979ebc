"""What is told of a plugin under supervision."""

import msgspec

from animus_process import ProcessRecord

__all__ = ["PluginEvent"]


class PluginEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to a plugin. `kind`: ``started``, ``start_failed``, ``died``, ``stopped``.

    Attributes:
        detail: for people; of a death, how the process ended and its last words.
        swept: recorded processes that a dead plugin had left behind and that were ended.
        stderr: of a death, its last lines there.
        frames: of a death, the beginnings of the last frames in both directions.
    """

    plugin: str
    kind: str
    pid: int | None = None
    detail: str = ""
    swept: tuple[ProcessRecord, ...] = ()
    stderr: list[str] = []
    frames: list[str] = []
