"""The plugin's entry: ``python -m animus_workflow_runner_default``."""

import sys

from animus_plugin_protocol.entry import start


def main() -> int:
    """Run the plugin until its host is done with it."""
    return start("animus_workflow_runner_default.wire.adapter:build")


if __name__ == "__main__":
    sys.exit(main())
