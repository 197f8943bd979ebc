import os
import sys

import pytest

from animus_process import usage_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")


def test_usage_grows_with_what_a_process_does():
    before = usage_of(os.getpid())
    kept = b"x" * 50_000_000
    while usage_of(os.getpid()).cpu_seconds < before.cpu_seconds + 0.02:
        sum(range(10_000))
    after = usage_of(os.getpid())
    assert after.memory_bytes - before.memory_bytes > len(kept) // 2
    assert after.cpu_seconds > before.cpu_seconds


def test_process_that_is_gone_uses_nothing():
    assert usage_of(2**22 + 7) is None
