"""Where a command works: inside the project, whatever a definition, a variable or a symbolic link says."""

from pathlib import Path, PurePosixPath

from animus_workflow_runner_default.authoring.model import CwdMode

__all__ = ["PlaceError", "file_inside", "working_directory"]


class PlaceError(Exception):
    """The directory does not exist or leaves the project."""


def working_directory(mode: CwdMode, relative: str | None, *, execution_root: str) -> str:
    """The directory of a command.

    Args:
        mode: ``project_root`` and ``task_root`` are the root of the tree the run works in (its worktree if it has
            one), ``path`` is `relative` to it.
        relative: the path of ``cwd_path``, variables already put in.
        execution_root: the root of the tree the run works in.

    Raises:
        PlaceError: `relative` is absolute, has ``..``, leaves the root through a link, or is no directory.
    """
    root = Path(execution_root)
    if mode != "path":
        return str(root)
    pure = PurePosixPath(relative or "")
    place = root / pure
    if pure.is_absolute() or ".." in pure.parts or not place.resolve().is_relative_to(root.resolve()):
        raise PlaceError(f"cwd_path {str(pure)!r} escapes project root {str(root)!r}; name a directory below it")
    if not place.is_dir():
        raise PlaceError(f"cwd_path {str(pure)!r} is no directory below {str(root)!r}; create it in an earlier phase")
    return str(place.resolve())


def file_inside(relative: str, *, execution_root: str) -> Path:
    """The file of that name below the root; it need not exist.

    Raises:
        PlaceError: the name is absolute, has ``..`` or leaves the root through a link.
    """
    root, pure = Path(execution_root), PurePosixPath(relative)
    place = root / pure
    if pure.is_absolute() or ".." in pure.parts or not place.resolve().is_relative_to(root.resolve()):
        raise PlaceError(f"{str(pure)!r} escapes project root {str(root)!r}; name a file below it")
    return place
