"""How a living plugin is looked after."""

import pytest

from animus_plugin_runtime.care import Care, Judgement, judge

QUIET = {"open_calls": 0, "is_watched": False, "silent_seconds": 1e6, "unused_seconds": 1e6, "memory_bytes": 0}
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("care", "facts", "act"),
    [
        (Care(), {}, "leave"),
        (Care(), {"open_calls": 1}, "ping"),
        (Care(), {"open_calls": 1, "silent_seconds": 59}, "leave"),
        (Care(idle_seconds=300), {}, "rest"),
        (Care(idle_seconds=300), {"unused_seconds": 299}, "leave"),
        (Care(idle_seconds=300), {"is_watched": True}, "leave"),
        (Care(idle_seconds=300), {"open_calls": 1, "silent_seconds": 0}, "leave"),
        (Care(memory_bytes=100 * MIB), {"memory_bytes": 101 * MIB}, "replace"),
        (Care(memory_bytes=100 * MIB), {"memory_bytes": 100 * MIB}, "leave"),
        (Care(memory_bytes=100 * MIB), {"memory_bytes": 101 * MIB, "open_calls": 1}, "replace"),
    ],
)
def test_judgement(care, facts, act):
    assert judge(care, **(QUIET | facts)).act == act


def test_judgement_says_the_numbers():
    assert judge(Care(memory_bytes=MIB), **(QUIET | {"memory_bytes": 3 * MIB})) == Judgement(
        "replace", "it uses 3 MiB of memory and may use 1 MiB"
    )
