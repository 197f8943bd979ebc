"""Output cut anywhere is the same lines; one that is too long is its beginning."""

from animus_agent_cli.bounded_lines import BEGINNING_BYTES, BoundedLines


def lines_of(*chunks: bytes, limit: int = 1000) -> list[tuple[bytes, bool]]:
    found: list[tuple[bytes, bool]] = []
    lines = BoundedLines(lambda line, is_too_long: found.append((line, is_too_long)), limit=limit)
    for chunk in chunks:
        lines.write(chunk)
    lines.close()
    return found


def test_a_line_is_the_same_wherever_the_output_was_cut():
    output = b"one\n\ntwo"
    expected = [(b"one", False), (b"", False), (b"two", False)]
    assert all(lines_of(output[:cut], output[cut:]) == expected for cut in range(len(output)))


def test_of_a_line_that_is_too_long_only_the_beginning_is_kept():
    chunks = (b"a" * 999, b"b" * 999, b"c" * 999, b"\nnext")
    assert lines_of(*chunks) == [(b"a" * BEGINNING_BYTES, True), (b"next", False)]
