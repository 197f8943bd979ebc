import threading

from animus_agent_cli.live_text import LIVE_LIMIT_CHARACTERS, PARTIAL_LIMIT_CHARACTERS, LiveText, Streamer

_WAIT_SECONDS = 60


def test_lines_are_shown_whole():
    text = LiveText()
    assert not text.write(b"one\ntw"[4:])
    assert text.write(b"o\nthr")
    assert text.take() == "two\n"
    assert text.take() == ""
    assert text.take(final=True) == "thr"


def test_character_cut_between_two_pieces_stays_whole_and_junk_is_replaced():
    text = LiveText()
    text.write("ü".encode()[:1])
    text.write("ü".encode()[1:] + b" \xff\xc3")
    text.write(b"", final=True)
    assert text.take(final=True) == "ü \ufffd\ufffd"


def test_line_without_end_is_shown_in_pieces():
    text = LiveText()
    assert text.write(b"x" * (PARTIAL_LIMIT_CHARACTERS + 1))
    assert text.take() == "x" * (PARTIAL_LIMIT_CHARACTERS + 1)


def test_flood_keeps_the_end_and_says_what_is_missing():
    text = LiveText()
    line = b"x" * 99 + b"\n"
    for _ in range(LIVE_LIMIT_CHARACTERS // 100 + 50):
        text.write(line)
    first, _, rest = text.take().partition("\n")
    assert first.endswith("characters of output are not shown here]")
    assert len(rest) <= LIVE_LIMIT_CHARACTERS
    assert set(rest.splitlines()) == {"x" * 99}
    assert int(first.strip("[").split()[0]) + len(rest) == (LIVE_LIMIT_CHARACTERS // 100 + 50) * 100


def test_streamer_gathers_what_is_printed_quickly():
    shown = []
    first = threading.Event()

    def show(text, is_last):
        shown.append((text, is_last))
        first.set()

    streamer = Streamer(show)
    streamer.write(b"0\n")
    assert first.wait(_WAIT_SECONDS)
    for number in range(1, 1000):
        streamer.write(b"%d\n" % number)
    assert streamer.close(_WAIT_SECONDS)
    assert "".join(text for text, _ in shown) == "".join(f"{number}\n" for number in range(1000))
    assert [is_last for _, is_last in shown] == [False] * (len(shown) - 1) + [True]
    assert len(shown) < 20


def test_host_that_does_not_take_text_holds_up_nobody():
    let_go = threading.Event()
    streamer = Streamer(lambda text, is_last: let_go.wait(_WAIT_SECONDS))
    for _ in range(10_000):
        streamer.write(b"x" * 1000 + b"\n")
    assert not streamer.close(0.01)
    let_go.set()
    assert streamer.close(_WAIT_SECONDS)
