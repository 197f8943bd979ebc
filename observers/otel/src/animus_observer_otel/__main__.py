"""Run the observer: ``python -m animus_observer_otel``."""

import sys

from animus_observer_otel.command import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
