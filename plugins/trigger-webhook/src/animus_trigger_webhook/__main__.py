"""Run the plugin: ``python -m animus_trigger_webhook``."""

import sys

from animus_trigger_webhook.backend import build

__all__ = ["main"]


def main() -> int:
    """Serve until the host ends; returns the exit code."""
    return build().run()


if __name__ == "__main__":
    sys.exit(main())
