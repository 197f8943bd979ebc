"""Run the queue as a plugin: a host starts it and speaks the protocol on its standard streams."""

import sys

from animus_plugin_protocol.entry import start

__all__ = ["main"]


def main() -> int:
    """Serve until the host is done."""
    return start("animus_queue_default.wire.adapter:build")


if __name__ == "__main__":
    sys.exit(main())
