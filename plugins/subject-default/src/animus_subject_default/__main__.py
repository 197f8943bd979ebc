"""Run the plugin: ``python -m animus_subject_default``."""

import sys

from animus_plugin_protocol.entry import start

__all__ = ["main"]


def main() -> int:
    """Serve until the host ends; returns the exit code."""
    return start("animus_subject_default.backend:build")


if __name__ == "__main__":
    sys.exit(main())
