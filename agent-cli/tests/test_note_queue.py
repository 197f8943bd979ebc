import threading

from animus_agent_cli.event import InteractionRequested, Problem, Text, Thinking, ToolCall
from animus_agent_cli.note_queue import NOTE_LIMIT_CHARACTERS, WAITING_LIMIT, NoteQueue

_WAIT_SECONDS = 60


def test_adjacent_pieces_are_joined_and_the_order_is_kept():
    told, go_on = [], threading.Event()

    def tell(event):
        go_on.wait(_WAIT_SECONDS)
        told.append(event)

    notes = NoteQueue(tell)
    events = [
        Problem("p"),
        Text("a"),
        Text("b"),
        Thinking("c"),
        Text("d"),
        ToolCall("1", "Bash", {}),
        Text("e"),
        Text("f"),
    ]
    for event in events:
        notes.put(event)
    go_on.set()
    assert notes.close(_WAIT_SECONDS)
    assert told[0] == Problem("p")
    assert told[-2:] == [ToolCall("1", "Bash", {}), Text("ef")]
    assert "".join(event.text for event in told if isinstance(event, Text | Thinking)) == "abcdef"


def test_joined_text_is_bounded():
    told = []
    notes = NoteQueue(told.append)
    for _ in range(100):
        notes.put(Text("x" * 1000))
    assert notes.close(_WAIT_SECONDS)
    assert max(len(event.text) for event in told) <= NOTE_LIMIT_CHARACTERS
    assert sum(len(event.text) for event in told) == 100_000


def test_host_that_takes_nothing_holds_up_nobody_and_misses_no_question():
    let_go, told = threading.Event(), []

    def tell(event):
        let_go.wait(_WAIT_SECONDS)
        told.append(event)

    notes = NoteQueue(tell)
    notes.put(InteractionRequested("i", "question", {}))
    for number in range(2000):
        notes.put(ToolCall(str(number), "Bash", {}))
    assert not notes.close(0.01)
    let_go.set()
    assert notes.close(_WAIT_SECONDS)
    assert told[0] == InteractionRequested("i", "question", {})
    assert told[-1] == ToolCall("1999", "Bash", {})
    assert len(told) <= WAITING_LIMIT + 2
    assert notes.left_out == 2001 - len(told)
