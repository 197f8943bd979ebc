"""Real HTTP over the loopback interface."""

import contextlib
import http.client
import json

import pytest

ANSWER_SECONDS = 60

SHELL = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object", "properties": {}}}}


class Client:
    """One connection of a client; `ask` answers (status, headers, body)."""

    def __init__(self, api):
        self._connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=ANSWER_SECONDS)

    def begin(self, path, document, headers=None, method="POST"):
        body = None if document is None else json.dumps(document)
        self._connection.request(method, path, body, headers or {})
        return self._connection.getresponse()

    def ask(self, path, document=None, headers=None, method="POST"):
        answer = self.begin(path, document, headers, method)
        return answer.status, dict(answer.headers), answer.read()

    def messages(self, text="hello", **more):
        body = {"model": "m1", "messages": [{"role": "user", "content": text}], **more}
        return self.ask("/v1/messages", body)

    def chat(self, text="hello", headers=None, **more):
        body = {"model": "m1", "messages": [{"role": "user", "content": text}], **more}
        return self.ask("/v1/chat/completions", body, headers)

    def responses(self, text="hello", **more):
        return self.ask("/v1/responses", {"model": "m1", "input": text, **more})

    def close(self):
        self._connection.close()


@pytest.fixture
def connect():
    with contextlib.ExitStack() as stack:

        def connect(api):
            client = Client(api)
            stack.callback(client.close)
            return client

        yield connect


@pytest.fixture
def events():
    """The events of a stream: (name or None, data)."""

    def events(body):
        found = []
        for block in body.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if lines.get("data", "[DONE]") != "[DONE]":
                found.append((lines.get("event"), json.loads(lines["data"])))
        return found

    return events
