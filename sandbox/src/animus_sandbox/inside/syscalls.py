"""The system call filter: what namespaces leave open.

A network namespace does not cover every kind of socket (virtual machine sockets reach the host), keys of the kernel's
keyring are inherited, and io_uring performs calls that a filter does not see.
"""

import ctypes
import errno
import os
import struct
from typing import Final, NamedTuple

__all__ = ["MACHINES", "deny_system_calls", "filter_program"]

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_AT, _SECOND_AT = 0, 4, 16, 24
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_X32_BIT: Final = 0x40000000
_FAMILIES: Final = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK: the first is closed by the file system, the others by the namespace."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER_MODE = 38, 22, 2


class _Machine(NamedTuple):
    audit: int
    socket: int
    ioctl: int
    denied: dict[int, int]
    has_x32: bool


_EVERYWHERE: Final = {425: errno.ENOSYS, 426: errno.ENOSYS, 427: errno.ENOSYS}  # io_uring_*: programs fall back
MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E, 41, 16, dict.fromkeys((248, 249, 250, 298, 321, 323), errno.EPERM) | _EVERYWHERE, has_x32=True
    ),
    "aarch64": _Machine(
        0xC00000B7, 198, 29, dict.fromkeys((217, 218, 219, 241, 280, 282), errno.EPERM) | _EVERYWHERE, has_x32=False
    ),
}
"""By ``uname -m``. Denied: add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd, io_uring."""


def filter_program(machine: str) -> bytes:
    """The filter as the kernel takes it: 8 bytes an instruction (linux/filter.h)."""
    known = MACHINES[machine]
    rows = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, known.audit),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if known.has_x32:
        rows += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for number, error in known.denied.items():
        rows += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]
    count = len(_FAMILIES)
    families = [(_EQUAL, count - place, 0, family) for place, family in enumerate(_FAMILIES)]
    rows += [
        (_EQUAL, 0, count + 3, known.socket),
        (_LOAD, 0, 0, _FIRST_AT),
        *families,
        (_RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 4, known.ioctl),
        (_LOAD, 0, 0, _SECOND_AT),
        (_EQUAL, 1, 0, _TIOCSTI),
        (_EQUAL, 0, 1, _TIOCLINUX),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)


def deny_system_calls() -> None:
    """Put the filter on this process and all it will start; there is no way back.

    Raises:
        OSError: the kernel refused it, or the machine is not known.
    """
    machine = os.uname().machine
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no system call filter for machine {machine!r}")
    program = filter_program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a 16-bit length, padding, a pointer.
    holder = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    library = ctypes.CDLL(None, use_errno=True)
    for call in ((_PR_SET_NO_NEW_PRIVS, 1, 0), (_PR_SET_SECCOMP, _FILTER_MODE, ctypes.addressof(holder))):
        arguments = [ctypes.c_ulong(value) for value in (*call, 0, 0)]
        if library.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the system call filter was refused")
