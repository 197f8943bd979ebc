"""Quick handlers run where they are read; one that turns out to be slow keeps nobody waiting."""

import random
import threading
import time
from collections import Counter

import msgspec
import pytest

from animus_plugin_protocol import Context, ErrorCode, Plugin, RefusedError
from animus_plugin_protocol._in_place import Reading

PATIENCE_SECONDS = 60.0


class Ask(msgspec.Struct):
    text: str = ""

    def __post_init__(self):
        if self.text == "unreadable":
            raise KeyError(self.text)


class Told(msgspec.Struct):
    text: str
    thread: str


class Doors:
    """A plugin whose handlers return at once, or when their door is opened."""

    def __init__(self, *, workers=4, inline=False, is_clocked=False):
        self.now = 0.0
        self.at_work = self.most_at_work = 0
        self.reading: Reading | None = None
        self.door, self.entered, self.counting = threading.Event(), threading.Semaphore(0), threading.Lock()
        # To a clock that stands every run is quick, however busy the machine is.
        self.plugin = Plugin("doors", "1.0.0", description="d", kind="custom", workers=workers, clock=lambda: self.now)
        self.plugin.register_method("doors/plain", self.plain)
        self.plugin.register_method("doors/noting", self.noting)
        self.plugin.register_method("doors/asking", self.asking)
        self.plugin.capability("$host/call:peer")
        if inline:
            self.plugin.register_method("doors/inline", self.plain, inline=True)

    def plain(self, params: Ask) -> Told:
        with self.counting:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            self.do(params.text)
        finally:
            with self.counting:
                self.at_work -= 1
        return Told(params.text, threading.current_thread().name)

    def noting(self, params: Ask, context: Context) -> Told:
        context.notify("doors/note", params)
        self.do(params.text)
        if params.text == "cancelled":
            context.raise_if_cancelled()
        return Told(params.text, threading.current_thread().name)

    def asking(self, _params: Ask, context: Context) -> Told:
        context.call_host("peer", "peer/get")
        return Told("", threading.current_thread().name)

    def do(self, text):
        if text == "behind":
            self.reading.is_behind = True
        if text == "slow":
            self.now += 1.0
        if text == "refused":
            raise RefusedError("no", code=ErrorCode.QUEUE_NOT_ASSIGNED)
        if text == "ended":
            raise SystemExit(3)
        if text in {"wait", "cancelled"}:
            self.entered.release()
            assert self.door.wait(PATIENCE_SECONDS)


@pytest.fixture
def spoken(run_in_thread):
    """A host past its handshake, whose plugin runs its methods where it reads them."""

    def start(doors):
        host = run_in_thread(doors.plugin, doors)
        host.handshake(extensions={"host_calls": {"version": 1}})
        host.notes.clear()
        return host

    return start


def thread_of(host, method="doors/plain"):
    return host.result(method, {"text": "x"})["thread"]


def warmed(host, method="doors/plain"):
    """Call until the reader runs the handler; a machine that is very busy may make that take more than a few calls."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while thread_of(host, method) != "animus-reader":
        assert time.monotonic() < deadline
    return host


@pytest.fixture
def doors():
    return Doors()


@pytest.fixture
def host(doors, spoken):
    return warmed(spoken(doors))


def request(number, text, method="doors/plain"):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": {"text": text}}


def test_a_method_is_run_on_workers_until_it_was_quick_often_enough(doors, spoken):
    host = spoken(doors)
    assert all(thread_of(host).startswith("animus-worker") for _ in range(8))
    warmed(host)


def test_a_method_that_is_slow_on_workers_stays_there(doors, spoken):
    host = spoken(doors)
    for _ in range(20):
        host.result("doors/plain", {"text": "slow"})
    assert thread_of(host).startswith("animus-worker")


def test_a_method_that_asks_the_host_stays_on_workers(doors, spoken):
    host = spoken(doors)
    for number in range(1, 13):
        host.send(request(number, "", "doors/asking"))
        host.send({"jsonrpc": "2.0", "id": host.frame()["id"], "result": {}})
        assert host.reply(number)["result"]["thread"].startswith("animus-worker")


def test_what_stands_in_a_read_that_takes_long_goes_to_workers(doors, spoken, monkeypatch):
    lead = Reading._lead

    def noted(reading, lines):
        doors.reading = reading
        return lead(reading, lines)

    monkeypatch.setattr(Reading, "_lead", noted)
    host = warmed(spoken(doors))
    host.send(request(1, "behind"), request(2, "x"))
    told = {answer["id"]: answer["result"]["thread"] for answer in (host.frame(), host.frame())}
    assert told[2].startswith("animus-worker")
    warmed(host)


def test_whatever_happens_in_place_is_answered_as_by_a_worker(host, capfd):
    assert host.error("doors/plain", {"text": "refused"})["code"] == ErrorCode.QUEUE_NOT_ASSIGNED
    assert host.error("doors/plain", {"text": "ended"})["code"] == ErrorCode.INTERNAL_ERROR
    assert host.error("doors/plain", {"text": 1})["code"] == ErrorCode.INVALID_PARAMS
    assert host.result("doors/plain")["text"] == ""
    assert host.request("doors/plain", {"text": "x"}, request_id="1")["result"]["text"] == "x"
    capfd.readouterr()


def test_params_whose_own_check_fails_oddly_cost_their_request_only(host):
    with pytest.raises(Exception, match="KeyError"):
        host.result("doors/plain", {"text": "unreadable"})
    assert thread_of(warmed(host)) == "animus-reader"


def test_notes_of_a_handler_in_place_come_before_its_answer(host):
    warmed(host, "doors/noting")
    host.notes.clear()
    assert host.result("doors/noting", {"text": "x"})["text"] == "x"
    assert [note["params"] for note in host.notes] == [{"text": "x"}]


def test_pings_and_what_stands_behind_in_the_same_read_are_answered_while_a_handler_waits(host, doors):
    host.send(request(1, "a"), request(2, "wait"), request(3, "b"), {"jsonrpc": "2.0", "id": 4, "method": "$/ping"})
    assert {host.frame()["id"] for _ in range(3)} == {1, 3, 4}
    assert host.error("doors/none")["code"] == ErrorCode.METHOD_NOT_FOUND
    doors.door.set()
    assert host.reply(2)["result"]["text"] == "wait"


def test_a_handler_that_was_overtaken_can_be_cancelled(host, doors):
    host.send(request(1, "wait"))
    host.result("$/ping")
    host.notify("$/cancelRequest", {"id": 1})
    host.result("$/ping")
    doors.door.set()
    error = host.reply(1)["error"]
    assert error["code"] == ErrorCode.REQUEST_CANCELLED
    assert error["data"]["completed"] is True


def test_a_handler_with_a_context_that_was_overtaken_sees_that_it_is_cancelled(host, doors):
    warmed(host, "doors/noting")
    host.send(request(1, "cancelled", "doors/noting"))
    host.result("$/ping")
    host.notify("$/cancelRequest", {"id": 1})
    host.result("$/ping")
    doors.door.set()
    error = host.reply(1)["error"]
    assert error["code"] == ErrorCode.REQUEST_CANCELLED
    assert "completed" not in error["data"]


def test_the_id_of_an_overtaken_request_is_taken(host, doors):
    host.send(request(1, "wait"))
    host.result("$/ping")
    host.send(request(1, "x"))
    assert host.reply(1)["error"]["code"] == ErrorCode.INVALID_REQUEST
    doors.door.set()
    assert host.reply(1)["result"]["text"] == "wait"


def test_a_method_that_was_overtaken_goes_to_workers_until_it_is_quick_again(host, doors):
    host.send(request(1, "wait"))
    host.result("$/ping")
    doors.door.set()
    host.reply(1)
    assert thread_of(host).startswith("animus-worker")
    warmed(host)


def test_as_many_handlers_wait_side_by_side_as_there_are_workers_and_no_more(spoken):
    doors = Doors(workers=8)
    host = warmed(spoken(doors))
    host.send(*(request(number, "wait") for number in range(1, 21)))
    for _ in range(8):
        assert doors.entered.acquire(timeout=PATIENCE_SECONDS)
    host.result("$/ping")
    doors.door.set()
    assert {host.reply_of_any(list(range(1, 21))) for _ in range(20)} == set(range(1, 21))
    assert doors.most_at_work == 8


def test_shutdown_is_answered_and_the_plugin_ends_though_an_overtaken_handler_never_returns(host):
    host.send(request(1, "wait"))
    host.result("$/ping")
    assert host.result("shutdown") == {}
    assert host.error("doors/plain", {"text": "x"})["code"] == ErrorCode.PLUGIN_NOT_INITIALIZED
    host.notify("exit")
    assert host.exit_code() == 0


def test_the_end_of_stdin_ends_the_plugin_though_an_overtaken_handler_never_returns(host):
    host.send(request(1, "wait"))
    host.result("$/ping")
    host.close_stdin()
    assert host.exit_code() == 0


@pytest.mark.parametrize("kind", [{"inline": True}, {"workers": 1}])
def test_who_may_count_on_one_thread_keeps_it(kind, spoken):
    host = spoken(Doors(**kind))
    assert all(thread_of(host).startswith("animus-worker") for _ in range(20))


def test_nobody_ticks_while_there_is_no_traffic(doors, spoken, monkeypatch):
    parked = threading.Semaphore(0)
    park = Reading._park

    def noted(reading, leader):
        parked.release()
        park(reading, leader)

    monkeypatch.setattr(Reading, "_park", noted)
    host = warmed(spoken(doors))
    for _ in range(3):  # it sleeps, is woken by a request, and sleeps again
        assert parked.acquire(timeout=PATIENCE_SECONDS)
        assert host.result("doors/plain", {"text": "x"})["text"] == "x"


def test_what_a_reader_should_never_raise_ends_the_run_as_it_always_did(doors, spoken, monkeypatch):
    host = warmed(spoken(doors))
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda raised: seen.append(raised.exc_value))
    failure = MemoryError("of the reader")
    monkeypatch.setattr(Reading, "read", lambda _reading: (_ for _ in ()).throw(failure))
    host.start("doors/plain", {"text": "x"})  # it may stand in a read of before
    host._thread.join(PATIENCE_SECONDS)
    assert seen == [failure]


def test_every_request_is_answered_once_in_whatever_order_handlers_wait_and_return(spoken):
    random_numbers = random.Random(7)  # noqa: S311 - a test's, the same each time
    doors = Doors(workers=6)
    host = warmed(warmed(spoken(doors)), "doors/noting")
    answers: Counter[int] = Counter()
    for batch in range(30):
        ids = range(1 + batch * 10, 11 + batch * 10)
        doors.door.clear()
        methods = ["doors/plain", "doors/noting"]
        texts = random_numbers.choices(["x", "wait", "refused"], [8, 1, 1], k=len(ids))
        host.send(
            *(request(number, text, random_numbers.choice(methods)) for number, text in zip(ids, texts, strict=True))
        )
        if random_numbers.random() < 0.5:  # else the door may be open before anybody has come to it
            for _ in range(min(texts.count("wait"), 6)):
                assert doors.entered.acquire(timeout=PATIENCE_SECONDS)
        doors.door.set()
        for _ in ids:
            while "method" in (frame := host.frame()):
                pass
            answers[frame["id"]] += 1
        while doors.entered.acquire(blocking=False):
            pass
    assert set(answers.values()) == {1}
    assert len(answers) == 300
