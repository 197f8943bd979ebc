"""Play what happens to a queue whose journal is damaged, and write down what is asked and answered.

``python plugins/queue-default/tests/promises/corrupt_journal.py > docs/corrupt-journal-queue.md`` writes the page.
"""

import importlib.util
import itertools
import json
import os
import sys
import tempfile
import threading
from pathlib import Path

import msgspec

from animus_queue_default.clock import HandClock
from animus_queue_default.model.record import FORMAT
from animus_queue_default.storage.frame import HEAD, JOURNAL_MAGIC
from animus_queue_default.storage.journal import encode_batch
from animus_queue_default.wire.adapter import build

_SPEC = importlib.util.spec_from_file_location("queue_conftest", Path(__file__).parents[1] / "conftest.py")
CONFTEST = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(CONFTEST)

NEWER = 99
decode_raws = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
SHOWN = "/home/me/.animus/site-1a2b"
JOURNAL = "journal-00000001.log"
INTRODUCTION = """\
# A damaged journal of the queue

What `animus-queue-default` says and does when a journal was changed behind its back, asked over the wire. Before each
scene the queue holds three entries: `A` is leased, `B` and `C` wait. Nothing of this is edited: the page is written by
`plugins/queue-default/tests/promises/corrupt_journal.py`, and a test plays it again in every run of the suite.

The rules behind it: what was acknowledged and cannot be read is never passed over; nothing is written to a file that
is damaged; the message names the file, the byte and what to do; and what a crash may have left, an incomplete last
frame, is not damage.
"""


class Play:
    """One queue directory, and the page that is written about it."""

    def __init__(self, root):
        self._root = root
        self.lines = INTRODUCTION.splitlines()
        self._clock = HandClock()
        self._numbers = itertools.count(1)
        self.queue = root / "state" / "queue"
        (root / "project").mkdir()

    def scene(self, title, what):
        """Begin anew with the three entries."""
        for path in self.queue.glob("*"):
            path.unlink()
        self._numbers = itertools.count(1)
        with self.host() as host:
            for name in "ABC":
                host.call("queue/v2/enqueue", {"subject_dispatch": CONFTEST.dispatch(name), "idempotency_key": name})
            host.call("queue/v2/lease", {"max": 1, "owner_id": "worker", "workflow_ids": ["run-1"]})
        while not self.lines[-1]:
            self.lines.pop()
        self.lines += ["", f"## {title}", "", what, ""]

    def host(self):
        """A new process of the plugin, as good as: its own plugin on its own pipes."""
        mint = (f"00000000-0000-4000-8000-{number:012}" for number in self._numbers)
        return Connection(self._root, build(self._clock, mint=mint.__next__))

    def ask(self, *calls):
        """Ask a new process, and write down what it answers."""
        self.lines.append("```text")
        with self.host() as host:
            for method, params in calls:
                (answer,) = host.call_together([(method, params)], raise_errors=False)
                self.lines += [f"> {method} {json.dumps(params)}" if params else f"> {method}", *self._shown(answer)]
        self.lines.append("```")

    def shell(self, text):
        """Write down what somebody types."""
        self.lines += ["```text", f"$ {self._hidden(text)}", "```", ""]

    def say(self, text):
        """A sentence between two blocks."""
        self.lines += ["", text, ""]

    def files(self):
        """The names in the queue's directory but for the lock, as a sentence has them."""
        names = sorted(path.name for path in self.queue.iterdir() if path.name != "lock")
        return ", ".join(f"`{name}`" for name in names)

    def _shown(self, answer):
        if "error" in answer:
            return [f"error {answer['error']['code']}: {self._hidden(answer['error']['message'])}"]
        result = answer["result"]
        if "entries" in result:
            return [f"{entry['subject_id']} {entry['status']}" for entry in result["entries"]] or ["(no entries)"]
        shown = {name: value for name, value in result.items() if name != "uptime_ms"}
        return [self._hidden(json.dumps(shown))]

    def _hidden(self, text):
        return text.replace(str(self._root / "state"), SHOWN)


class Connection:
    """A host at one end, the plugin in a thread at the other."""

    def __init__(self, root, plugin):
        plugin_in, host_out = os.pipe()
        host_in, plugin_out = os.pipe()
        self._streams = [os.fdopen(plugin_in, "rb", 0), os.fdopen(plugin_out, "wb", 0)]
        self._write, self._read = os.fdopen(host_out, "wb"), os.fdopen(host_in, "rb")
        streams = {"stdin": self._streams[0], "stdout": self._streams[1]}
        self._thread = threading.Thread(target=plugin.run, args=([],), kwargs=streams, daemon=True)
        self._thread.start()
        self._root = root

    def __enter__(self):
        host = CONFTEST.Host(self._write, self._read)
        host.initialize(self._root / "project", self._root / "state")
        return host

    def __exit__(self, *_):
        self._write.close()
        self._thread.join(CONFTEST.WAIT_SECONDS)
        for stream in (self._read, *self._streams):
            stream.close()


STATS = ("queue/stats", None)
LIST = ("queue/list", None)
HEALTH = ("health/check", None)
ENQUEUE = ("queue/v2/enqueue", {"subject_dispatch": CONFTEST.dispatch("D")})
AGAIN = ("queue/v2/enqueue", {"subject_dispatch": CONFTEST.dispatch("A"), "idempotency_key": "A"})


def flipped_bit(play):
    play.scene("One bit flipped in the middle", "Bit 0 of one byte in the record of `B`.")
    journal = play.queue / JOURNAL
    whole = journal.read_bytes()
    damaged = bytearray(whole)
    damaged[whole.index(b"task:B") + 5] ^= 1
    journal.write_bytes(damaged)
    play.ask(STATS, ENQUEUE, ("queue/v2/lease", {"max": 1, "owner_id": "w", "workflow_ids": ["run-2"]}), HEALTH)
    if journal.read_bytes() != damaged:
        raise AssertionError("a damaged journal was written to")
    play.say("The file is byte for byte as it was found. Its holder puts a backup in its place, and all is as before:")
    journal.write_bytes(whole)
    play.ask(LIST, HEALTH)
    play.say("Without a backup, what stands before the damage can be kept. What came behind it is lost, `C` too:")
    journal.write_bytes(damaged)
    at = _frame_of(whole, b"task:B")
    play.shell(f"cp '{journal}' ~/damaged.log && truncate -s {at} '{journal}'")
    os.truncate(journal, at)
    play.ask(LIST, HEALTH, AGAIN)


def torn_tail(play):
    play.scene("A last frame that was not finished", "The process died while it wrote; nothing of it was acknowledged.")
    journal = play.queue / JOURNAL
    whole = journal.read_bytes().rstrip(b"\0")
    journal.write_bytes(whole + encode_batch([b"\x91\xa5hello"])[:-3])
    play.ask(LIST, HEALTH)
    play.say(f"The torn end was cut off and put aside: {play.files()}.")


def newer_format(play):
    play.scene("Written by a newer version", "The header says a format that this version does not know.")
    journal = play.queue / JOURNAL
    whole = journal.read_bytes()
    begin = len(JOURNAL_MAGIC) + HEAD.size
    length, _ = HEAD.unpack_from(whole, len(JOURNAL_MAGIC))
    (record,) = decode_raws(whole[begin : begin + length])
    header = encode_batch([bytes(record).replace(b"header" + bytes([FORMAT]), b"header" + bytes([NEWER]))])
    newer = JOURNAL_MAGIC + header + whole[begin + length :]
    journal.write_bytes(newer)
    play.ask(STATS, ENQUEUE, HEALTH)
    if journal.read_bytes() != newer:
        raise AssertionError("a newer journal was written to")


def other_file(play):
    play.scene("Another file in its place", "Somebody wrote text into it.")
    (play.queue / JOURNAL).write_text("to do: fix the journal\n")
    play.ask(STATS, ENQUEUE)
    play.say("And with nothing in it at all:")
    (play.queue / JOURNAL).write_bytes(b"")
    play.ask(STATS)


def damaged_outline(play):
    play.scene("A damaged outline", "The file that makes opening quick. It is worth nothing by itself.")
    (play.queue / "outline-00000001.log").write_bytes(b"\xff" * 500)
    play.ask(LIST, HEALTH)


def page(root):
    """The page, played in the folder `root`."""
    play = Play(root)
    for scene in (flipped_bit, torn_tail, newer_format, other_file, damaged_outline):
        scene(play)
    return "\n".join([*play.lines, ""])


def _frame_of(whole, needle):
    """Where the frame begins that holds `needle`."""
    at, found = len(JOURNAL_MAGIC), whole.index(needle)
    while at < found:
        length, _ = HEAD.unpack_from(whole, at)
        if at + HEAD.size + length > found:
            return at
        at += HEAD.size + length
    raise AssertionError(f"no frame holds {needle!r}")


def main():
    with tempfile.TemporaryDirectory() as root:
        sys.stdout.write(page(Path(root)))


if __name__ == "__main__":
    main()
