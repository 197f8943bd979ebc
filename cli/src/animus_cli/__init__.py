"""The ``animus`` command: a thin face on the kernel's operation table.

Commands are generated from `animus_control.operations`; what only a person at a terminal needs (starting the daemon,
following a run, `init`, `doctor`, `demo`) is written here. Importing this package loads nothing.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
