"""Run the queue as a plugin: a host starts it and speaks the protocol on its standard streams."""

import sys

from animus_queue_default.adapter import build

__all__ = ["main"]


def main() -> int:
    """Serve until the host is done."""
    return build().run()


if __name__ == "__main__":
    sys.exit(main())
