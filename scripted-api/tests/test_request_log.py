from animus_scripted_api import Request
from animus_scripted_api.request_log import REQUESTS_KEPT, RequestLog


def test_log_keeps_the_last_requests_and_counts_all():
    log = RequestLog()
    for _ in range(REQUESTS_KEPT + 5):
        log.take(lambda number: Request(number, "POST", "/v1/messages"))
    assert log.count == REQUESTS_KEPT + 5
    assert [log.exchanges()[0].request.number, len(log.exchanges())] == [6, REQUESTS_KEPT]
