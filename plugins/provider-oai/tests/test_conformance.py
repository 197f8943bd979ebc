"""The provider suite of the protocol, over the real process and a scripted endpoint."""

import subprocess
import sys

from animus_scripted_api import Conversation, Say, When

RUN_SECONDS = 120


def test_provider_keeps_the_protocol(scripted_api):
    words = " ".join(f"word{number}" for number in range(40))
    api = scripted_api(Conversation([Say(words)], When(contains="streaming-medium")), Conversation([Say("Hello")]))
    plugin = ["env", f"ANIMUS_OAI_BASE_URL={api.openai_url}", "ANIMUS_OAI_MODEL=m1"]
    plugin += [sys.executable, "-P", "-m", "animus_provider_oai"]
    harness = [sys.executable, "-m", "animus_conformance", "run", "--kind", "core", "--kind", "provider", "--", *plugin]
    done = subprocess.run(harness, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, done.stdout
    assert api.problems == []
