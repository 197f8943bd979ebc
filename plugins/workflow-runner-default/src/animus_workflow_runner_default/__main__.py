"""The plugin's entry: ``python -m animus_workflow_runner_default``."""

import sys

from animus_workflow_runner_default.wire.adapter import build


def main() -> int:
    """Run the plugin until its host is done with it."""
    return build().run()


if __name__ == "__main__":
    sys.exit(main())
