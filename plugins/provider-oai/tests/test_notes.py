from animus_plugin_protocol import FatalError
from animus_provider_oai.approval import Question
from animus_provider_oai.notes import LISTED, Notes
from animus_provider_oai.toolbox import ToolOutput


class Wire:
    def __init__(self):
        self.now = 0.0
        self.sent = []
        self.notes = Notes("s1", lambda method, note: self.sent.append((method, note)), lambda: self.now)

    def texts(self, method):
        return [note.text for name, note in self.sent if name == method]


def test_text_is_gathered_and_shown_in_order():
    wire = Wire()
    wire.now = 1.0
    for piece in ("a", "b", "c"):
        wire.notes.text(piece)
    wire.now = 1.1
    wire.notes.text("d")
    wire.notes.thinking("hm")
    wire.notes.tool_call("shell", {"command": "ls"})
    assert wire.texts("agent/output") == ["a", "bcd"]
    assert [name for name, _ in wire.sent] == ["agent/output", "agent/output", "agent/thinking", "agent/toolCall"]


def test_held_text_is_shown_when_nothing_follows():
    wire = Wire()
    wire.notes.text("a")
    wire.notes.idle()
    wire.notes.idle()
    assert wire.texts("agent/output") == ["a"]


def test_last_note_is_final():
    wire = Wire()
    wire.notes.text("a")
    wire.notes.end()
    assert [(note.text, note.final) for _, note in wire.sent] == [("a", False), ("", True)]


def test_pieces_of_one_thought_are_one_entry():
    wire = Wire()
    for piece in ("first ", "thought"):
        wire.now += 1
        wire.notes.thinking(piece)
    wire.notes.tool_call("list", {})
    wire.now += 1
    wire.notes.thinking("second")
    assert wire.notes.thinking_texts == ["first thought", "second"]


def test_lists_and_entries_are_bounded():
    wire = Wire()
    for number in range(LISTED + 5):
        wire.notes.tool_result(str(number), ToolOutput("x" * 10_000))
    assert len(wire.notes.tool_results) == LISTED
    assert wire.notes.tool_results[0]["name"] == "5"
    assert len(wire.notes.tool_results[0]["output"]) < 5000


def test_large_arguments_are_cut_in_notes():
    wire = Wire()
    wire.notes.tool_call("write", {"content": "x" * 1_000_000})
    assert len(wire.sent[0][1].arguments) < 300_000


def test_question_says_until_when():
    wire = Wire()
    wire.notes.question(Question("i1", "approval", {"action": "shell ls"}, 60))
    assert wire.sent[0][1].expires_at.endswith("Z")
    assert wire.sent[0][1].payload == {"action": "shell ls"}


def test_host_that_is_gone_is_told_nothing():
    def send(method, note):
        raise FatalError("gone")

    Notes("s1", send).problem("x")
