import itertools
import types

import pytest

from animus_observer_otel.cursor import CursorFile, Position
from animus_observer_otel.export import Export, OtlpExport, resource_of
from animus_observer_otel.measure import Levels
from animus_observer_otel.observer import Observer, Pace


class ListFeed:
    """Events from a list, those behind a position, in batches of `size`."""

    def __init__(self, events, position=None, size=3) -> None:
        self.events = [one for one in events if not one.id or position is None or position.is_before(one)]
        self.size = size
        self.missed = 0

    def take(self, limit, wait_seconds):
        batch, self.events = self.events[: self.size], self.events[self.size :]
        return batch

    def is_over(self):
        return not self.events


@pytest.fixture
def observe(collector, tmp_path):
    """Run an observer over events, as a process would: its only memory is the cursor file."""

    def run(events, export=None, *, size=3, said=None, **options):
        meter = types.SimpleNamespace(levels=Levels(), lost={}, spans=[])
        meter.add = meter.spans.append
        with CursorFile(tmp_path / "cursor.json") as file:
            feed = ListFeed(events, file.load().position, size)
            observer = Observer(
                feed,
                export or Export(OtlpExport(resource_of("demo", {}), **options)),
                meter,
                file,
                ask_levels=Levels,
                monotonic=lambda: 0.0,
                say=(said if said is not None else []).append,
                pace=Pace(wait_seconds=0, first_retry_seconds=0, last_retry_seconds=0),
                include_content=options.get("include_content", False),
            )
            is_complete = observer.run(once=True)
        return is_complete, meter, observer.position

    return run


def test_everything_is_exported_and_counted(observe, collector, record):
    events = record.run("run-1") + record.run("run-2", end="failed")
    is_complete, meter, position = observe(events)
    assert is_complete
    assert len(collector.spans()) == 4 == len(meter.spans)
    assert [one.body.string_value for one in collector.records()] == [event.kind for event in events]
    assert position == Position(events[-1].seq, events[-1].occurred_at)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_observer_that_ended_anywhere_goes_on_and_doubles_nothing(observe, collector, record, size):
    events = record.run("run-1") + record.run("run-2")
    for end in range(1, len(events) + 1):
        observe(events[:end], size=size)
    spans = collector.spans()
    assert len(spans) == len({span.span_id for span in spans}) == 4
    assert len(collector.records()) == len(events)


def test_export_that_was_not_confirmed_is_made_again_under_the_same_ids(observe, collector, record):
    """A death between the export and the writing of the cursor."""

    class KilledError(BaseException):
        pass

    class Dying(Export):
        def send(self, shipment):
            super().send(shipment)
            raise KilledError

    events = record.run()
    with pytest.raises(KilledError):
        observe(events, Dying(OtlpExport(resource_of("demo", {}))), size=100)
    observe(events, size=100)
    ids = [span.span_id for span in collector.spans()]
    assert (len(ids), len(set(ids))) == (4, 2)


def test_cursor_stays_where_it_is_while_nobody_takes_anything(observe, collector, record):
    collector.status = 503
    is_complete, _, position = observe(record.run())
    assert (is_complete, position) == (False, None)
    collector.status = 200
    assert observe(record.run("run-2"))[0]


def test_export_is_repeated_until_the_collector_takes_it(collector, record, tmp_path):
    answers = itertools.chain([503, 503], itertools.repeat(200))

    class Flaky(Export):
        def send(self, shipment):
            collector.status = next(answers)
            return super().send(shipment)

    said = []
    meter = types.SimpleNamespace(levels=Levels(), lost={}, add=lambda span: None)
    feed = ListFeed(record.run(), size=100)
    with CursorFile(tmp_path / "cursor.json") as file:
        observer = Observer(
            feed,
            Flaky(OtlpExport(resource_of("demo", {}))),
            meter,
            file,
            ask_levels=Levels,
            monotonic=lambda: 0.0,
            say=said.append,
            pace=Pace(wait_seconds=0, first_retry_seconds=0, last_retry_seconds=0),
        )
        assert observer.run()
    assert len(collector.spans()) == 2
    assert [text.partition(" ")[2][:9] for text in said] == ["collector", "collector"]


def test_live_output_is_sent_only_when_content_is_asked_for(observe, collector, record):
    live = record("phase_output", "run-1", phase_id="build", text="secret words")
    live = live.__class__(id="", seq=live.seq, occurred_at=live.occurred_at, kind=live.kind, payload=live.payload)
    started = record("run_started", "run-1", note="a note")
    observe([live, started])
    assert b"secret words" not in b"".join(request.SerializeToString() for _, request in collector.requests)
    assert len(collector.records()) == 1
    observe([live, record("run_paused", "run-1")], include_content=True)
    assert b"secret words" in b"".join(request.SerializeToString() for _, request in collector.requests)


def test_what_was_lost_is_said_once_for_each_change(observe, collector, record):
    said = []
    events = record.run()

    class Lossy(Export):
        rejected = 3

        def __init__(self, collector) -> None:
            super().__init__(collector)
            self.rejected = 3

    _, meter, _ = observe(events, Lossy(OtlpExport(resource_of("demo", {}))), said=said, size=1)
    assert meter.lost == {"rejected": 3}
    assert said == ["not exported so far: 3 rejected"]
