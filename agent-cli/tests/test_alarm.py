from animus_agent_cli.alarm import Alarms


def test_alarms_ring_once_in_the_order_of_their_moments_and_only_when_due():
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
    for moment in (12.0, 11.0):
        alarms.set(moment, lambda moment=moment: rung.append(moment))
    alarms.ring(13.0)
    assert rung[2:] == [11.0, 12.0]
