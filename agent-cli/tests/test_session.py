from animus_agent_cli.session import ENDED_REMEMBERED, Sessions


class Run:
    def cancel(self):
        """Not called here."""

    def kill(self):
        """Not called here."""


def test_run_is_found_by_its_own_id_and_by_the_hosts():
    sessions, one, two = Sessions(), Run(), Run()
    assert sessions.open({"s1", "c1"}, one)
    assert sessions.open({"s2"}, two)
    assert [sessions.find(name) for name in ("s1", "c1", "s2", "other")] == [one, one, two, None]
    assert sessions.active() == [one, two]


def test_unknown_id_means_the_only_active_run():
    sessions, one = Sessions(), Run()
    assert sessions.find("whatever") is None
    sessions.open({"s1", "c1"}, one)
    assert sessions.find("whatever") is one


def test_id_of_an_ended_run_never_means_another_one():
    sessions, one, two = Sessions(), Run(), Run()
    sessions.open({"s1", "c1"}, one)
    sessions.close({"s1", "c1"})
    sessions.open({"s2"}, two)
    assert sessions.find("c1") is None
    assert sessions.find("s2") is two


def test_id_in_use_is_refused_and_free_again_after_the_end():
    sessions, one = Sessions(), Run()
    sessions.open({"s1", "c1"}, one)
    assert not sessions.open({"s2", "c1"}, Run())
    assert sessions.find("s2") is one
    sessions.close({"s1", "c1"})
    assert sessions.open({"s1"}, Run())


def test_memory_of_ended_runs_is_bounded():
    sessions = Sessions()
    for number in range(ENDED_REMEMBERED + 10):
        sessions.open({str(number)}, Run())
        sessions.close({str(number)})
    assert len(sessions._ended) == ENDED_REMEMBERED
