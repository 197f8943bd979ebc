"""Where an agent's program is."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ProgramMissingError", "ProgramStartError", "find_program"]


class ProgramStartError(Exception):
    """The program could not be started; nothing ran."""


class ProgramMissingError(ProgramStartError):
    """There is no such program, or it may not be run."""


def find_program(program: str, cwd: Path, environment: Mapping[str, str]) -> str:
    """The path that `program` means: a name is looked up in PATH, a relative path starts at `cwd`.

    Raises:
        ProgramMissingError: there is no such program, or it may not be run.
    """
    if not program.strip():
        raise ProgramMissingError("the program's name is blank")
    if os.sep in program:
        path = cwd / program
        if not path.is_file():
            raise ProgramMissingError(f"program {program!r} does not exist (looked at {str(path)!r})")
        if not os.access(path, os.X_OK):
            raise ProgramMissingError(f"program {program!r} is not executable; chmod +x {str(path)!r}")
        return str(path)
    search = environment.get("PATH", os.defpath)
    found = shutil.which(program, path=search)
    if found is None:
        raise ProgramMissingError(
            f"program {program!r} is not in PATH ({search}); install it, write its full path, "
            "or start the daemon from an environment where it is found"
        )
    return found
