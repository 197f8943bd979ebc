"""How a living plugin is looked after."""

import pytest

from animus_plugin_runtime.care import CPU_SECONDS, Care, CpuMeter, Judgement, judge

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
        (Care(cpu_cores=1.5), {"cpu_cores": 1.6, "open_calls": 1, "silent_seconds": 0}, "replace"),
        (Care(cpu_cores=1.5), {"cpu_cores": 1.5}, "leave"),
        (Care(), {"cpu_cores": 64.0}, "leave"),
    ],
)
def test_judgement(care, facts, act):
    assert judge(care, **(QUIET | facts)).act == act


def test_judgement_says_the_numbers():
    assert judge(Care(memory_bytes=MIB), **(QUIET | {"memory_bytes": 3 * MIB})) == Judgement(
        "replace", "it uses 3 MiB of memory and may use 1 MiB"
    )
    assert judge(Care(cpu_cores=0.5), **(QUIET | {"cpu_cores": 1.25})) == Judgement(
        "replace", "it uses 1.25 processor cores and may use 0.5"
    )


def test_use_of_processors_is_averaged_over_no_less_than_its_stretch():
    meter = CpuMeter()
    assert meter.cores(0.0, 5.0) == 0.0
    assert meter.cores(CPU_SECONDS - 1, 5.0 + CPU_SECONDS) == 0.0  # too short to say
    assert meter.cores(CPU_SECONDS, 5.0 + CPU_SECONDS) == 1.0
    assert meter.cores(3 * CPU_SECONDS, 5.0 + 2 * CPU_SECONDS) == 0.5


def test_new_process_begins_a_new_stretch():
    meter = CpuMeter()
    meter.cores(0.0, 100.0)
    assert meter.cores(CPU_SECONDS, 1.0) == 0.0
    assert meter.cores(2 * CPU_SECONDS, 1.0 + CPU_SECONDS) == 1.0
