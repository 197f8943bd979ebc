"""What the page about watching a daemon shows is what a reader sees."""

import http.server
import threading

import pytest

PAGE = "docs/observability.md"


@pytest.fixture
def collector(shell):
    """Takes everything; holds the paths it was sent something to."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.rfile.read(int(self.headers["Content-Length"])):
                paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    shell.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.server_address[1]}"
    yield paths
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_command_of_the_page_says_what_the_page_shows(shell, blocks, commands, missing, collector):
    shell.type("git init --quiet --initial-branch main .")
    sent = []
    for block in blocks(PAGE):
        if "file" in block.notes:
            shell.write(block.notes["file"], block.text)
        if block.language != "console":
            continue
        for command, expected in commands(block):
            typed = shell.type(command)
            assert typed.code == 0, typed
            lost = missing(expected, typed.output)
            assert lost is None, f"{command}: the output has no line {lost!r} there:\n{typed.output}"
            if command.startswith("animus-observer-otel"):
                sent.append(collector.count("/v1/traces"))
    assert set(collector) == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    assert sent == [1, 1]  # the second call had no span to send
