from animus_agent_cli.time_limit import TimeLimit


class HandClock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_limit_counts_from_its_start():
    clock = HandClock()
    limit = TimeLimit(10, clock)
    clock.sleep(3)
    limit.start()
    assert limit.deadline() == 113.0
    assert TimeLimit(None, clock).deadline() is None


def test_held_time_does_not_count_and_holds_are_counted():
    clock = HandClock()
    limit = TimeLimit(10, clock)
    limit.start()
    limit.hold()
    clock.sleep(5)
    limit.hold()
    limit.release()
    assert limit.deadline() is None
    clock.sleep(5)
    limit.release()
    assert limit.deadline() == 120.0


def test_hold_before_the_start_counts_from_the_start():
    clock = HandClock()
    limit = TimeLimit(10, clock)
    limit.hold()
    clock.sleep(50)
    limit.start()
    clock.sleep(2)
    limit.release()
    assert limit.deadline() == 162.0
