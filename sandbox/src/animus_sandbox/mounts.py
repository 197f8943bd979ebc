"""The file system inside: what of the machine is there, and where it may be written to."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from animus_sandbox.program import interpreter
from animus_sandbox.repository import repository_of, safe_configuration
from animus_sandbox.spec import HOME, SHELL, SandboxSpec

__all__ = ["INSIDE", "LIBRARY", "Mount", "mount_arguments", "mounts_of", "system_files"]

INSIDE: Final = "/run/animus"
"""Where the sandbox keeps its own things."""
LIBRARY: Final = f"{INSIDE}/library"

_USR_LINKS: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC: Final = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
"""What programs need to start. Not all of ``/etc/ssl``: it may hold private keys."""


class Mount(NamedTuple):
    """A file or folder outside and where it appears."""

    source: Path
    target: Path
    is_writable: bool = False


def mounts_of(spec: SandboxSpec, folder: Path) -> list[Mount]:
    """The mounts that a checked spec asks for, outer ones first.

    Args:
        spec: with real paths.
        folder: private to this user; the files that replace configurations are written into it.

    Raises:
        SandboxSpecError: the worktree's repository cannot be trusted.
    """
    # The later one of two equal targets counts: what is protected comes last.
    found = [Mount(path, path) for path in (*interpreter()[1], *spec.readable)]
    found += [Mount(path, path, is_writable=True) for path in (*spec.writable, spec.worktree)]
    repository = repository_of(spec.worktree)
    if repository is not None:
        found += [Mount(repository.folder, repository.folder), Mount(repository.link, repository.link)]
        for number, original in enumerate(repository.configurations):
            safe = folder / f"git-config-{number}"
            safe.write_text(safe_configuration(original), "utf-8", errors="surrogateescape")
            found.append(Mount(safe, original))
    by_target = {mount.target: mount for mount in found}
    return sorted(by_target.values(), key=lambda mount: len(mount.target.parts))


def system_files(folder: Path) -> list[Mount]:
    """The few files of ``/etc`` that are made for the sandbox: names of users and hosts, not those of the machine."""
    texts = {
        "passwd": f"agent:x:1000:1000::{HOME}:{SHELL}\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
        "group": "agent:x:1000:\nnogroup:x:65534:\n",
        "hosts": "127.0.0.1 localhost agent\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [Mount(folder / name, Path("/etc") / name) for name in texts]


def mount_arguments(mounts: list[Mount], own: list[Mount], tmp_bytes: int) -> list[str]:
    """The arguments of bubblewrap that build the file system.

    Args:
        mounts: from `mounts_of`.
        own: further files of the sandbox's own.
        tmp_bytes: the size of each place in memory.
    """
    words = ["--ro-bind", "/usr", "/usr"]
    for name in _USR_LINKS:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    for name in _ETC:
        words += ["--ro-bind-try", name, name]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/tmp", "/var/tmp", "/dev/shm", HOME):  # noqa: S108 - the places inside, not ours
        words += ["--perms", "0700", "--size", str(tmp_bytes), "--tmpfs", place]
    library = Path(__file__).parent / "inside"
    for mount in [*own, Mount(library, Path(LIBRARY) / "animus_sandbox" / "inside"), *mounts]:
        words += ["--bind" if mount.is_writable else "--ro-bind", os.fspath(mount.source), os.fspath(mount.target)]
    # /proc too: where the daemon is root, the kernel takes the user inside for the owner of its settings.
    return [*words, *(word for place in ("/proc", "/dev", "/") for word in ("--remount-ro", place))]
