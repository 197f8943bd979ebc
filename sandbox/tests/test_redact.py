import itertools

from hypothesis import given
from hypothesis import strategies as st

from animus_sandbox.redact import Redactor


@given(st.lists(st.sampled_from([b"a", b"aab", b"b", b"x", b"aabaab"])), st.lists(st.integers(0, 40)))
def test_secret_is_blotted_out_wherever_the_stream_is_cut(pieces, cuts):
    whole = b"".join(pieces)
    redactor = Redactor("aab")
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    out = b"".join(redactor.feed(whole[a:b]) for a, b in itertools.pairwise(places)) + redactor.end()
    assert len(out) == len(whole)
    assert b"aab" not in out
    assert out == whole.replace(b"aab", b"***")


def test_nothing_is_held_back_but_a_beginning_of_the_secret():
    redactor = Redactor("secret")
    assert redactor.feed(b"data: x\n\n") == b"data: x\n\n"
    assert redactor.feed(b"the sec") == b"the "
    assert redactor.feed(b"ond") == b"second"


def test_without_a_secret_everything_passes():
    assert Redactor(None).feed(b"x") == b"x"
    assert Redactor(None).text("x") == "x"
