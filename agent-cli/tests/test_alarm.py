from animus_agent_cli.alarm import Alarms


def test_alarms_ring_once_in_the_order_they_were_set_and_only_when_due():
    alarms, rung = Alarms(), []
    alarms.set(2.0, lambda: rung.append("late"))
    alarms.set(1.0, lambda: rung.append("early"))
    dropped = alarms.set(1.0, lambda: rung.append("never"))
    alarms.drop(dropped)
    alarms.drop(dropped)
    assert alarms.next() == 1.0
    alarms.ring(0.5)
    assert rung == []
    alarms.ring(1.5)
    alarms.ring(1.5)
    assert (rung, alarms.next()) == (["early"], 2.0)
    alarms.ring(9.0)
    assert (rung, alarms.next()) == (["early", "late"], None)
