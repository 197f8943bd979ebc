"""Bytes nobody would send: framing and dispatch never raise and never stall, however a stream is cut.

The corpus is replayed here; what a longer search (``python -m animus_conformance.fuzz``) finds is added to it.
"""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animus_conformance.fuzz import HANG_SECONDS, MANNERS, Totals, case, main, read_cut, search, serve
from animus_conformance.streams import STREAMS

CORPUS = Path(__file__).resolve().parents[1] / "corpus"


def bounded(work, *arguments):
    began = time.process_time()
    work(*arguments)
    assert time.process_time() - began < HANG_SECONDS


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_corpus_is_taken_whole_and_byte_by_byte(file):
    stream = file.read_bytes()
    assert read_cut(stream, [1] * min(len(stream), 5000)) == read_cut(stream, [])
    for manner in MANNERS:
        bounded(serve, stream, manner)


@given(STREAMS, st.lists(st.integers(1, 50), max_size=30))
def test_stream_means_the_same_however_it_is_cut(stream, sizes):
    assert read_cut(stream, sizes) == read_cut(stream, [])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STREAMS)
def test_plugin_outlives_any_stream(stream):
    bounded(serve, stream)


def test_case_follows_from_its_number_alone():
    assert [case(number, [b"corpus"]) for number in range(20)] == [case(number, [b"corpus"]) for number in range(20)]
    assert len({case(number) for number in range(20)}) > 10


def test_search_goes_on_where_the_last_one_stopped(tmp_path, capsys):
    totals = tmp_path / "totals.json"
    given_words = ["--minutes", "0.002", "--corpus", str(CORPUS), "--totals", str(totals)]
    assert main(given_words) == 0
    first = json.loads(totals.read_text(encoding="utf-8"))
    assert main(given_words) == 0
    second = json.loads(totals.read_text(encoding="utf-8"))
    assert 0 < first["next_case"] < second["next_case"]
    assert first["cpu_seconds"] < second["cpu_seconds"]
    assert "found now 0, ever 0" in capsys.readouterr().out


def test_stream_that_is_lost_is_kept_with_what_went_wrong(monkeypatch):
    totals = Totals()

    def fail(*_arguments):
        raise ValueError("lost")

    monkeypatch.setattr("animus_conformance.fuzz.serve", fail)
    lost = search(totals, {}, 0.01, lambda: None)
    assert lost
    assert all(name.startswith("found-") for name in lost)
    assert "ValueError: lost" in totals.found[0]
