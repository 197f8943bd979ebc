"""What goes over one connection."""

from animus_plugin_runtime.traffic import TAIL_BYTES, FrameTail, Quota, Traffic


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_steady_writing_within_the_quota_is_never_too_much():
    clock = Clock()
    traffic = Traffic(Quota(bytes_per_second=100, burst_bytes=100), clock)
    for _ in range(1000):
        clock.now += 1
        assert traffic.hear(100) is None
    assert (traffic.frames_in, traffic.bytes_in) == (1000, 100_000)


def test_burst_is_free_and_more_than_that_is_named():
    traffic = Traffic(Quota(bytes_per_second=1024**2, burst_bytes=500), Clock())
    assert traffic.hear(500) is None
    assert traffic.hear(1) == "it writes more than 1 MiB a second"


def test_requests_have_a_quota_of_their_own():
    clock = Clock()
    traffic = Traffic(Quota(requests_per_second=2, burst_requests=3), clock)
    assert [traffic.be_asked() for _ in range(4)] == [None, None, None, "it sends more than 2 requests a second"]
    clock.now += 1
    assert traffic.be_asked() is None


def test_moments_of_hearing_and_asking_are_kept():
    clock = Clock()
    traffic = Traffic(Quota(), clock)
    clock.now = 5
    traffic.hear(1)
    clock.now = 7
    traffic.say(10)
    assert (traffic.heard_at, traffic.used_at, traffic.bytes_out) == (5, 7, 10)


def test_tail_keeps_the_beginnings_of_the_latest_frames():
    tail = FrameTail()
    for number in range(50):
        tail.append(("to_host", (b"%d " % number + b"x" * 2000)[:TAIL_BYTES]))
    assert len(tail.lines()) == 20
    assert tail.lines()[-1].startswith("to_host 49 xxx")
    assert all(len(line) < 600 for line in tail.lines())
