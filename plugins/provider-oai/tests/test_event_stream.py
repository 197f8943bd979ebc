from animus_provider_oai.event_stream import EventStream


def _events(*pieces):
    stream = EventStream()
    found = [event for piece in pieces for event in stream.feed(piece)]
    return [*found, *stream.end()]


def test_events_are_found_wherever_the_bytes_are_cut():
    whole = b"event: x\ndata: one\n\n: comment\ndata: two\r\n\r\ndata:three\ndata: lines\n\n"
    for cut in range(len(whole)):
        assert _events(whole[:cut], whole[cut:]) == [b"one", b"two", b"three\nlines"]


def test_last_event_needs_no_blank_line():
    assert _events(b"data: one\n\ndata: two") == [b"one", b"two"]


def test_what_is_no_data_is_skipped():
    assert _events(b"<html>\nid: 4\n\n\nretry: 1\n\n") == []
