"""Stands in for the program: says what FAKE_CODEX_SAMPLE or the scenario asks for, and keeps how it was called.

Run by a script that names the Python to run it with. FAKE_CODEX_CALL is the file for arguments, input and environment.
"""

import json
import os
import sys
import time
from pathlib import Path

SESSION = "01a1fee6-772f-7de0-b648-c461e96ee99d"


def say(kind, **more):
    sys.stdout.write(json.dumps({"type": kind, **more}) + "\n")
    sys.stdout.flush()


def item(number, kind, **more):
    say("item.completed", item={"id": f"item_{number}", "type": kind, **more})


def end():
    say("turn.completed", usage={"input_tokens": 10, "cached_input_tokens": 2, "output_tokens": 3})


def main():
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write("codex-cli 0.169.0\n")
        return 0
    words = sys.stdin.read()
    if "FAKE_CODEX_CALL" in os.environ:
        call = {"args": sys.argv[1:], "input": words, "environment": dict(os.environ), "cwd": str(Path.cwd())}
        Path(os.environ["FAKE_CODEX_CALL"]).write_text(json.dumps(call))
    if "FAKE_CODEX_SAMPLE" in os.environ:
        sys.stdout.write(Path(os.environ["FAKE_CODEX_SAMPLE"]).read_text())
        return int("turn.failed" in Path(os.environ["FAKE_CODEX_SAMPLE"]).read_text())
    return scenario(os.environ.get("MOCK_SCENARIO", "streaming-short"))


def scenario(name):
    if name == "no-session":
        sys.stderr.write(f"Error: thread/resume: thread/resume failed: no rollout found for thread id {SESSION}\n")
        return 1
    say("thread.started", thread_id=SESSION)
    say("turn.started")
    if name == "junk":
        sys.stdout.write("this is no JSON\n{\n[1]\n\x00\xff\n")
        say("something.new", item=7)
        say("item.completed", item=["odd"])
        say("item.completed", item={"type": "agent_message", "text": {"odd": 1}})
        say("turn.completed", usage="odd")
        return 0
    if name == "endless":
        if "ANIMUS_CONFORMANCE_MARK" in os.environ:
            Path(os.environ["ANIMUS_CONFORMANCE_MARK"]).write_text("begun")
        item(1, "agent_message", text="begun")
        time.sleep(60)
    if name == "dies":
        os.abort()
    words = ["Hello"] if name == "streaming-short" else [f"word{number}" for number in range(40)]
    for number, word in enumerate(words):
        item(number, "agent_message", text=word)
    end()
    return 0


sys.exit(main())
