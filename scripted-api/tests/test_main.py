import http.client
import json
import signal
import subprocess
import sys

import pytest

END_SECONDS = 60


@pytest.fixture
def serve(tmp_path):
    started = []

    def serve(script, *more):
        (tmp_path / "script.json").write_text(json.dumps(script))
        command = [sys.executable, "-m", "animus_scripted_api", "--script", str(tmp_path / "script.json"), *more]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield serve
    for process in started:
        process.kill()
        process.communicate(timeout=END_SECONDS)


def _chat(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=END_SECONDS)
    connection.request("POST", "/v1/chat/completions", '{"messages": [{"role": "user", "content": "hi"}]}')
    status = connection.getresponse().status
    connection.close()
    return status


def test_command_serves_a_script_and_logs_requests(serve, tmp_path):
    process = serve({"turns": [{"say": "x"}]}, "--log", str(tmp_path / "log.ndjson"))
    port = json.loads(process.stdout.readline())["port"]
    assert _chat(port) == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(END_SECONDS) == 0
    (line,) = (tmp_path / "log.ndjson").read_text().splitlines()
    assert json.loads(line)["body"]["messages"][0]["content"] == "hi"


def test_command_fails_when_a_request_had_no_answer(serve):
    process = serve({"turns": []})
    assert _chat(json.loads(process.stdout.readline())["port"]) == 400
    process.send_signal(signal.SIGTERM)
    assert process.wait(END_SECONDS) == 1
    assert "all 0 turns" in process.stderr.read()


def test_command_names_the_fault_of_a_script(serve):
    process = serve({"turns": [{"sai": 1}]})
    assert process.wait(END_SECONDS) == 2
    assert "did you mean 'say'" in process.stderr.read()
