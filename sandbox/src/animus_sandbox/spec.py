"""What a sandbox is asked to be, and whether that would hold."""

import contextlib
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from animus_sandbox.errors import SandboxSpecError
from animus_sandbox.upstream import Upstream, address_of

__all__ = ["HOME", "SHELL", "Limits", "SandboxSpec", "checked"]

HOME: Final = "/home/agent"
"""The home inside: empty, in memory, gone at the end."""

SHELL: Final = next((name for name in ("/bin/bash", "/bin/sh") if Path(name).exists()), "/bin/sh")
"""The shell inside: what agents write is for bash."""

_PLACES: Final = frozenset(
    Path(name)
    for name in ("/", "/home", "/root", "/var", "/tmp", "/run", "/srv", "/mnt", "/media", "/opt")  # noqa: S108 - named to be refused
)
"""Nobody means the whole of these."""
_SYSTEM: Final = tuple(Path(name) for name in ("/proc", "/sys", "/dev", "/boot", "/etc", "/usr", "/run/animus"))
"""Neither these nor anything in them may be opened; what is needed of them is there anyway."""


class Limits(NamedTuple):
    """Bounds; None is no bound.

    Attributes:
        memory_bytes: what a process may write to, and where control groups can be made, all of them together.
        processes: processes and threads at once.
        open_files: per process.
        cpu_seconds: per process, of computing time; running time is for the caller to watch.
        tmp_bytes: for each of ``/tmp``, ``/var/tmp``, ``/dev/shm`` and the home.
    """

    memory_bytes: int | None = 8 * 1024**3
    processes: int | None = 512
    open_files: int | None = 4096
    cpu_seconds: int | None = None
    tmp_bytes: int = 1024**3


class SandboxSpec(NamedTuple):
    """A sandbox.

    Attributes:
        worktree: the folder to work in, writable; its ``.git`` and the repository behind it can be read.
        readable: further files and folders.
        writable: further files and folders that may be changed; they outlive the sandbox.
        environment: all of it; nothing is inherited. ``HOME`` and what else the sandbox decides is set on top.
        upstreams: the servers that can be reached.
        limits: bounds.
    """

    worktree: Path
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = {}
    upstreams: tuple[Upstream, ...] = ()
    limits: Limits = Limits()


def checked(spec: SandboxSpec) -> SandboxSpec:
    """The sandbox with every path made real.

    Raises:
        SandboxSpecError: a path is missing or would open too much, a limit is no limit, an upstream cannot be meant,
            or the environment holds a key that is to stay outside.
    """
    for upstream in spec.upstreams:
        address_of(upstream)
    for name, value in spec.limits._asdict().items():
        if value is not None and value <= 0:
            raise SandboxSpecError(f"limit {name} is {value}; it must be above 0, or None for no limit")
    refuse_keys(spec, list(spec.environment.values()), "the environment")
    if not spec.worktree.is_dir():
        raise SandboxSpecError(f"worktree {str(spec.worktree)!r} is no folder")
    return spec._replace(
        worktree=_opened(spec.worktree),
        readable=tuple(dict.fromkeys(map(_opened, spec.readable))),
        writable=tuple(dict.fromkeys(map(_opened, spec.writable))),
    )


def refuse_keys(spec: SandboxSpec, texts: list[str], place: str) -> None:
    """Refuse to take a real key inside.

    Raises:
        SandboxSpecError: one of `texts` holds one.
    """
    for upstream in spec.upstreams:
        if upstream.key is not None and any(upstream.key.reveal() in text for text in texts):
            raise SandboxSpecError(
                f"{place} holds the key for {upstream.base_url!r}, which must stay outside the sandbox; "
                "give the program a dummy"
            )


def _opened(path: Path) -> Path:
    if not path.is_absolute():
        raise SandboxSpecError(f"{str(path)!r} is not absolute")
    try:
        real = path.resolve(strict=True)
    except OSError as error:
        raise SandboxSpecError(f"{str(path)!r} cannot be opened to the sandbox: {error}") from error
    homes = [home.resolve() for home in _homes()]
    if real in _PLACES or any(home.is_relative_to(real) for home in homes):
        raise SandboxSpecError(f"{str(real)!r} holds far more than an agent may see; name a folder in it")
    if any(real.is_relative_to(place) or place.is_relative_to(real) for place in _SYSTEM):
        raise SandboxSpecError(f"{str(real)!r} belongs to the system and is not opened further")
    return real


def _homes() -> list[Path]:
    homes = [Path(os.environ["HOME"])] if os.environ.get("HOME", "").startswith("/") else []
    with contextlib.suppress(KeyError):
        homes.append(Path(pwd.getpwuid(os.getuid()).pw_dir))
    # A user without a home is given "/" or a folder that does not exist.
    return [home for home in homes if home.is_dir() and home != Path("/")]
