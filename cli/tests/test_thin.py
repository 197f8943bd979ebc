"""A living daemon is asked for the very text; whatever is unusual takes the long way."""

import socket
import subprocess
import sys
import threading

import pytest

from animus_cli.thin import THIN_OPERATIONS
from animus_control.location import checkout_of, scope_of, socket_path_in
from animus_control.operations import OPERATIONS

HEAVY = ("asyncio", "click", "msgspec", "pathlib", "re", "json", "socket", "typing", "collections.abc", "hashlib")
LOOK = """
import sys
from animus_cli.thin import print_answer
print_answer(sys.argv[1:])
sys.stderr.write("\\n".join(sys.modules))
"""


@pytest.fixture(scope="module")
def served(shared):
    return shared("workflows: [{id: w, worktree: skip, phases: [p]}]\n"
                  "phases: {p: {mode: command, command: {program: 'true'}}}\n")  # fmt: skip


def test_what_is_asked_thinly_is_an_operation_without_params():
    for words, name in THIN_OPERATIONS.items():
        assert OPERATIONS[name].command == words
        assert OPERATIONS[name].params() is not None


@pytest.mark.parametrize("words", THIN_OPERATIONS, ids=" ".join)
def test_the_thin_way_prints_what_the_long_way_prints(served, words):
    def stable(text):
        return [line for line in text.splitlines() if " up " not in line]

    thin = served(*words)
    assert thin.code == 0
    assert stable(thin.out) == stable(served("--project-root", ".", *words).out)
    assert served(*words, "--json").data.keys() == served("--project-root", ".", *words, "--json").data.keys()


@pytest.fixture
def place(project, environment, home):
    """Where the daemon of the project would listen."""
    _, identity = checkout_of(str(project.resolve()))
    (home / scope_of(identity)).mkdir()
    return socket_path_in(str(home / scope_of(identity)))


def _listen(path, answer):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    asked = []

    def serve():
        with listener, listener.accept()[0] as connection:
            asked.append(connection.recv(65536))
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return asked


def _look(project, environment, *words):
    return subprocess.run([sys.executable, "-P", "-c", LOOK, *words], cwd=project, env=environment,
                          capture_output=True, text=True, timeout=60, check=True)  # fmt: skip


def test_nothing_is_loaded_but_a_socket(project, environment, place):
    asked = _listen(place, b'{"jsonrpc":"2.0","id":1,"result":"it says \\"hi\\"\\n"}\n')
    done = _look(project, environment, "status")
    assert done.stdout == 'it says "hi"\n'
    assert set(HEAVY).isdisjoint(done.stderr.split())
    assert b'"operation":"project/status","width":null,"colour":false,"json":false' in asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"there is no operation"}}\n',
        b"",
        b"what?",
    ],
)
def test_any_other_answer_leaves_it_to_the_whole_program(project, environment, place, answer):
    _listen(place, answer)
    assert _look(project, environment, "status").stdout == ""


@pytest.mark.parametrize("words", [("status", "--help"), ("status", "--json", "--json"), ("queue",), ("--json",)])
def test_other_words_are_left_to_the_whole_program(project, environment, words):
    assert _look(project, environment, *words).stdout == ""
