"""``python -m animus_cli`` is ``animus``."""

import sys

from animus_cli.entry import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
