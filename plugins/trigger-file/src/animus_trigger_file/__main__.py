"""Entry point: ``python -m animus_trigger_file``."""

import sys

from animus_trigger_file.adapter import build


def main() -> int:
    """Serve a host."""
    return build().run()


if __name__ == "__main__":
    sys.exit(main())
