"""The example of the page works."""

import re
from pathlib import Path

_PAGE = Path(__file__).parent.parent / "README.md"


def test_example_is_a_plugin_around_a_toy():
    (example,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    exec(example, names)  # noqa: S102 - our own page
    manifest = names["plugin"].declaration().manifest()
    assert {"agent/run", "agent/resume", "agent/cancel"} <= set(manifest.capabilities)
