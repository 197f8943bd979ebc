"""The detached daemon's entry: ``python -P -m animus_kernel``."""

import argparse
import sys
from pathlib import Path

import msgspec

from animus_composition.settings import DaemonSettings
from animus_control.errors import ControlError
from animus_control.project import find_project
from animus_kernel.serving.daemon import serve


def main() -> int:
    """Serve the project named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m animus_kernel", description="Run the daemon of one project.")
    parser.add_argument("--project-root", type=Path, required=True)
    parser.add_argument("--settings", default="{}", help="JSON")
    parser.add_argument("--ready-fd", type=int)
    arguments = parser.parse_args()
    settings = msgspec.json.decode(arguments.settings, type=DaemonSettings)
    try:
        return serve(find_project(arguments.project_root), settings, ready_fd=arguments.ready_fd)
    except ControlError as error:
        sys.stderr.write(f"animus: {error.message}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
