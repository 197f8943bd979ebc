"""Notifications and progress of handlers."""


def test_notifications_are_written_in_order_before_the_reply(ready):
    ready.start("probe/notes", {"count": 100}, request_id=1)
    assert [ready.note("probe/note")["number"] for _ in range(100)] == list(range(100))
    assert ready.note("$/progress") == {"id": 1, "value": {"sent": 100}}
    assert ready.frame() == {"jsonrpc": "2.0", "id": 1, "result": {"sent": 100}}
    assert ready.is_quiet()


def test_progress_goes_only_to_a_host_that_takes_it(host):
    host.handshake(progress=False)
    assert host.result("probe/notes", {"count": 0}) == {"sent": 0}
    assert host.notes == []


def test_a_notified_request_reports_no_progress(ready):
    ready.notify("probe/notes", {"count": 1})
    assert ready.note("probe/note")["number"] == 0
    assert ready.is_quiet()


def test_a_notification_that_does_not_fit_is_refused_to_the_handler(ready):
    error = ready.error("probe/notes", {"count": 1, "size": 9 * 1024 * 1024})
    assert error["data"]["method"] == "probe/note"
    assert error["data"]["category"] == "oversized"


def test_a_chatty_handler_waits_for_a_slow_host_and_pings_are_answered_meanwhile(thread_host):
    """Ten mebibytes of notifications against a pipe of 64 KiB: the handler is held back, the reader is not."""
    thread_host.start("probe/notes", {"count": 1000, "size": 10_000}, request_id="flood")
    ping = thread_host.start("$/ping")
    numbers, saw_ping = [], False
    while True:
        frame = thread_host.frame()
        if frame.get("id") == ping:
            saw_ping = True
        elif frame.get("id") == "flood":
            break
        elif frame["method"] == "probe/note":
            numbers.append(frame["params"]["number"])
    assert numbers == list(range(1000))
    assert saw_ping or thread_host.frame()["id"] == ping
