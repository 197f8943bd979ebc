from animus_observer_otel.identity import phase_span_id, run_span_id, trace_id_of


def test_ids_depend_on_what_they_are_about_and_on_nothing_else():
    assert trace_id_of("run-1") == 0x66E4F52214380B24DD04F707AF100E5A
    ids = {
        run_span_id("run-1"),
        run_span_id("run-2"),
        phase_span_id("run-1", "a", 1),
        phase_span_id("run-1", "a", 2),
        phase_span_id("run-1", "b", 1),
        phase_span_id("run-1", "a", 1, occurrence=1),
        phase_span_id("run-2", "a", 1),
    }
    assert len(ids) == 7


def test_ids_fit_their_places_and_are_never_none():
    for number in range(200):
        assert 0 < trace_id_of(f"run-{number}") < 2**128
        assert 0 < run_span_id(f"run-{number}") < 2**64
