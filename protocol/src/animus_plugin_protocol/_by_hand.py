"""What a plugin says to somebody who runs it by hand, or asks for its manifest (protocol section 2)."""

import sys
from collections.abc import Sequence

from animus_plugin_protocol._declaration import Declaration
from animus_plugin_protocol.codec import encode_json

__all__ = ["answer_arguments", "answer_terminal"]


def answer_arguments(declaration: Declaration, argv: Sequence[str]) -> int:
    """Answer the arguments; the exit code."""
    if argv[0] in {"--manifest", "-m"}:
        sys.stdout.buffer.write(encode_json(declaration.manifest()) + b"\n")
        sys.stdout.flush()
        return 0
    name = declaration.info.name
    is_help = argv[0] in {"--help", "-h"}
    if not is_help:
        _say(f"{name}: unknown argument {argv[0]!r}")
    _say(f"usage: {name} [--manifest | --help]")
    _say(f"  {declaration.info.description or 'an Animus plugin'} (kinds: {', '.join(declaration.kinds)})")
    _say("  --manifest, -m  print the manifest, one JSON line, and exit")
    _say("  without arguments it serves a host on stdin and stdout")
    return 0 if is_help else 2


def answer_terminal(declaration: Declaration) -> int:
    """Say that nobody can type JSON-RPC here; the exit code."""
    info = declaration.info
    _say(f"{info.name} {info.version} is an Animus plugin: a host starts it and speaks JSON-RPC with it.")
    _say("Try --manifest to see what it serves, or --help.")
    return 2


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - the plugin is run by hand here
