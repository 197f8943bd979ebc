"""Write down what a plugin answers to ``initialize``.

``python -m animus_plugin_protocol.handshake_file package.module:build`` writes the file into the package, where
`animus_plugin_protocol.entry` finds it. It is only for plugins that accept every host of their protocol version, so not
for one with an ``on_initialize`` callback.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from animus_plugin_protocol.codec import encode_json
from animus_plugin_protocol.entry import HANDSHAKE_FILE
from animus_plugin_protocol.errors import RegistrationError

__all__ = ["handshake_file", "kept_handshake", "main"]


def handshake_file(plugin: str) -> Path:
    """Where the package of ``package.module:function`` keeps its answer."""
    package = import_module(plugin.partition(".")[0].partition(":")[0])
    return Path(package.__path__[0]) / HANDSHAKE_FILE


def kept_handshake(plugin: str) -> bytes:
    """What the file has to hold.

    Raises:
        RegistrationError: the plugin looks at ``initialize`` itself.
    """
    module, _, function = plugin.partition(":")
    declaration = getattr(import_module(module), function)().declaration()
    if declaration.hooks.on_initialize:
        message = f"plugin {declaration.info.name!r} has an on_initialize callback, so its answer is not known before"
        raise RegistrationError(message)
    return encode_json(declaration.initialize_result()) + b"\n"


def main(argv: Sequence[str]) -> int:
    """Write the file of each plugin that is named."""
    for plugin in argv:
        handshake_file(plugin).write_bytes(kept_handshake(plugin))
    return 0 if argv else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
