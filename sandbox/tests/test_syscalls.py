"""The filter is interpreted here as the kernel does, so that both machines are tested on either."""

import errno
import struct

import pytest

from animus_sandbox.inside.syscalls import MACHINES, filter_program

_ALLOW = 0x7FFF0000


def judge(machine, number, first=0, second=0, audit=None):
    data = struct.pack("=iIQ6Q", number, audit or MACHINES[machine].audit, 0, first, second, 0, 0, 0, 0)
    code = [
        struct.unpack("=HBBI", filter_program(machine)[at : at + 8]) for at in range(0, len(filter_program(machine)), 8)
    ]
    place = value = 0
    while True:
        what, yes, no, number = code[place]
        place += 1
        if what == 0x06:
            return number
        if what == 0x20:
            value = struct.unpack_from("=I", data, number)[0]
        else:
            place += yes if (value == number if what == 0x15 else value >= number) else no


def denied(code):
    return 0x00050000 | code


@pytest.mark.parametrize("machine", list(MACHINES))
def test_filter_denies_what_it_names_and_allows_the_rest(machine):
    known = MACHINES[machine]
    assert judge(machine, 0) == _ALLOW
    assert judge(machine, 435) == _ALLOW
    for number, code in known.denied.items():
        assert judge(machine, number) == denied(code)
    assert [judge(machine, known.socket, family) for family in (1, 2, 10, 16)] == [_ALLOW] * 4
    assert {judge(machine, known.socket, family) for family in (0, 17, 38, 40)} == {denied(errno.EAFNOSUPPORT)}
    assert judge(machine, known.ioctl, 0, 0x5401) == _ALLOW
    assert {judge(machine, known.ioctl, 0, request) for request in (0x5412, 0x541C)} == {denied(errno.EPERM)}
    # The kernel looks at 32 bits of a request, so the filter does.
    assert judge(machine, known.ioctl, 0, 0x1_0000_5412) == denied(errno.EPERM)


def test_calls_of_other_architectures_are_denied():
    assert judge("x86_64", 1, audit=0x40000003) == denied(errno.ENOSYS)
    assert judge("x86_64", 0x40000000 | 41, 40) == denied(errno.ENOSYS)
