"""Run the plugin: ``python -m animus_provider_command``."""

import sys

from animus_provider_command.agent import build

__all__ = ["main"]


def main() -> int:
    """Serve until the host ends; returns the exit code."""
    return build().run()


if __name__ == "__main__":
    sys.exit(main())
