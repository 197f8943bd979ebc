import json

import pytest

from animus_agent_cli.lines import JsonLines, object_in


def read(*chunks, limit=1000):
    found = []
    lines = JsonLines(found.append, limit=limit)
    for chunk in chunks:
        lines.write(chunk)
    lines.close()
    return found, lines


def test_objects_come_out_however_the_output_is_cut():
    output = b'{"a": 1}\nnoise\n\n{"b": "\xc3\xbc"}'
    for cut in range(len(output)):
        found, lines = read(output[:cut], output[cut:])
        assert found == [{"a": 1}, {"b": "ü"}]
        assert (lines.skipped, lines.oversized, lines.sample) == (1, 0, "noise")


@pytest.mark.parametrize(
    "line", [b"", b"  ", b"[1]", b"7", b'"text"', b"{", b"{not json}", b"{" * 50_000 + b"}" * 50_000]
)
def test_line_that_is_no_object_is_none(line):
    assert object_in(line) is None


def test_bytes_that_are_not_utf8_become_replacements():
    assert object_in(b'{"a": "x\xffy"}') == {"a": "x\ufffdy"}


@pytest.mark.parametrize(
    "line", [b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"\\ud800": [{"b": "\\udfff"}]}', b'{"a": 1%d}' % (10**30)]
)
def test_what_comes_out_can_be_encoded_again(line):
    found = object_in(line)
    assert found is not None
    assert json.loads(json.dumps(found, ensure_ascii=False, allow_nan=False).encode()) == found


def test_line_beyond_the_limit_is_counted_and_costs_no_memory():
    found, lines = read(b'{"a": "' + b"x" * 2000, b"y" * 100_000, b'"}\n{"b": 2}\n', limit=1000)
    assert found == [{"b": 2}]
    assert (lines.oversized, lines.skipped) == (1, 0)
    assert lines.sample.startswith('{"a": "x')
