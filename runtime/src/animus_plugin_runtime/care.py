"""How a living plugin is looked after: what is decided at each look, without processes or waiting."""

from typing import NamedTuple

__all__ = ["Care", "CpuMeter", "Judgement", "judge"]

PINGS = 3
"""So many pings in a row have to stay unanswered before a plugin counts as hung: one may be lost to a busy machine."""

PING_SECONDS = 20.0
"""How long one ping may take."""


CPU_SECONDS = 30.0
"""Over no less than this the use of processors is averaged: starting up, or a large request, may take a whole one."""


class Care(NamedTuple):
    """What a plugin may be.

    Attributes:
        silence_seconds: a plugin that has open calls and wrote nothing for so long is pinged.
        idle_seconds: one that nobody asked for so long is stopped until it is needed; None: it stays.
        memory_bytes: one that is larger is replaced; None: it may be.
        cpu_cores: one that uses more processor cores is replaced; None: it may.
    """

    silence_seconds: float = 60.0
    idle_seconds: float | None = None
    memory_bytes: int | None = None
    cpu_cores: float | None = None


class Judgement(NamedTuple):
    """What to do: ``leave``, ``ping``, ``rest`` (stop until needed) or ``replace`` with the reason."""

    act: str
    reason: str = ""


class CpuMeter:
    """Processor cores used over the latest stretch of at least `CPU_SECONDS`."""

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None

    def cores(self, now: float, cpu_seconds: float) -> float:
        """How many cores were used since the stretch began; 0 until it is long enough.

        Args:
            now: of a monotonic clock.
            cpu_seconds: of the process since its start; less than before when it is a new process.
        """
        since = self._since
        if since is None or cpu_seconds < since[1]:
            self._since = (now, cpu_seconds)
            return 0.0
        seconds = now - since[0]
        if seconds < CPU_SECONDS:
            return 0.0
        self._since = (now, cpu_seconds)
        return (cpu_seconds - since[1]) / seconds


def judge(
    care: Care,
    *,
    open_calls: int,
    is_watched: bool,
    silent_seconds: float,
    unused_seconds: float,
    memory_bytes: int,
    cpu_cores: float = 0.0,
) -> Judgement:
    """Decide about a plugin that is ready.

    Args:
        care: what it may be.
        open_calls: calls of the host that have no answer yet, and requests of the plugin that are being served.
        is_watched: whether somebody listens to its notifications.
        silent_seconds: since it last wrote a line.
        unused_seconds: since it was last asked something.
        memory_bytes: what it uses; 0 when that is not known.
        cpu_cores: what it used of late; 0 when that is not known.
    """
    if care.memory_bytes is not None and memory_bytes > care.memory_bytes:
        used, may = memory_bytes // 1024**2, care.memory_bytes // 1024**2
        return Judgement("replace", f"it uses {used} MiB of memory and may use {may} MiB")
    if care.cpu_cores is not None and cpu_cores > care.cpu_cores:
        return Judgement("replace", f"it uses {cpu_cores:.2f} processor cores and may use {care.cpu_cores:g}")
    if open_calls:
        return Judgement("ping") if silent_seconds >= care.silence_seconds else Judgement("leave")
    if care.idle_seconds is not None and not is_watched and unused_seconds >= care.idle_seconds:
        return Judgement("rest", f"nobody needed it for {unused_seconds:.0f} s")
    return Judgement("leave")
