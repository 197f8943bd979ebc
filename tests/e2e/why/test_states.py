"""Which states the scenes of this folder bring about, and which only exist as prepared facts."""

import re
from pathlib import Path

from animus_cli.causes.states import STATES

FACTS_ONLY = {"next": "lasts for the moment between an entry and its lease"}
_TOLD = re.compile(r'(?:frees|cause)\(\s*"([a-z-]+)"|"[a-z]+", "([a-z-]+)"\),')


def test_every_state_is_brought_about_by_real_means():
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    told = {first or second for first, second in _TOLD.findall(texts)}
    assert {state.name for state in STATES} - told == set(FACTS_ONLY)
