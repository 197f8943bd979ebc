"""What a plugin keeps as its answer to ``initialize`` is what it answers."""

import pytest

from animus_plugin_protocol.handshake_file import handshake_file, kept_handshake

KEPT = [
    "animus_provider_claude.agent:build",
    "animus_provider_codex.agent:build",
    "animus_provider_command.agent:build",
    "animus_provider_oai.provider:build",
    "animus_subject_default.backend:build",
]


@pytest.mark.parametrize("plugin", KEPT)
def test_file_holds_what_the_plugin_answers(plugin):
    advice = f"write it again: python -m animus_plugin_protocol.handshake_file {plugin}"
    assert handshake_file(plugin).read_bytes() == kept_handshake(plugin), advice
