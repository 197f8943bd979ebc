"""Git inside: what of a repository a sandboxed program may read, so that status, diff and log work.

A host that later runs git in the worktree obeys the configuration and the hooks it finds, so none of them may be
written from inside: not in the repository, and not by pointing ``.git`` elsewhere.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from animus_sandbox.errors import SandboxSpecError

__all__ = ["Repository", "repository_of", "safe_configuration"]

_GIT_SECONDS: Final = 10.0
_KEPT: Final = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|ignorecase|symlinks|autocrlf|eol|precomposeunicode|sparsecheckout\w*)"
    r"|extensions\..*|user\.(name|email)"
)
"""What git needs to read the repository. A remote's address may hold a password, so remotes are left out."""


class Repository(NamedTuple):
    """Where the repository of a worktree is.

    Attributes:
        link: the worktree's ``.git``, a file or the repository itself.
        folder: the repository, as all its worktrees share it.
        configurations: the files in it that are replaced inside.
    """

    link: Path
    folder: Path
    configurations: tuple[Path, ...]


def repository_of(worktree: Path) -> Repository | None:
    """The repository `worktree` belongs to; None when it is not the top of one.

    Raises:
        SandboxSpecError: its ``.git`` does not lead to a repository that knows this worktree: following it would open
            a folder of somebody's choice.
    """
    link = worktree / ".git"
    if link.is_symlink():
        raise SandboxSpecError(f"{str(link)!r} is a symbolic link; a sandbox needs a worktree of its own")
    if link.is_dir():
        return Repository(link, link, _configurations(link, link))
    if not link.exists():
        return None
    own = _pointer(link, "gitdir:", worktree)
    folder = _pointer(own / "commondir", "", own)
    if own.parent != folder / "worktrees" or _pointer(own / "gitdir", "", own) != link:
        raise SandboxSpecError(
            f"{str(link)!r} leads to {str(own)!r}, which is no worktree of a repository that leads back to it; "
            "git worktree repair"
        )
    return Repository(link, folder, _configurations(folder, own))


def safe_configuration(file: Path) -> str:
    """The configuration `file` without what is not needed inside.

    Raises:
        SandboxSpecError: git cannot read it.
    """
    argv = ["git", "config", "--file", str(file), "--no-includes", "--list", "-z"]
    # No repository of its own: git would obey the configuration that it is asked to list.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_DIR": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    try:
        done = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, env=environment
        )
    except FileNotFoundError:
        return ""  # without git here there is none inside either
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxSpecError(f"git cannot be asked for {str(file)!r}: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise SandboxSpecError(f"git cannot read the configuration {str(file)!r}: {said}")
    lines: list[str] = []
    for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0"):
        name, has_value, value = entry.partition("\n")
        if not _KEPT.fullmatch(name):
            continue
        section, _, key = name.rpartition(".")
        text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines += [f"[{section}]", f'\t{key} = "{text}"' if has_value else f"\t{key}"]
    return "".join(f"{line}\n" for line in lines)


def _configurations(folder: Path, own: Path) -> tuple[Path, ...]:
    places = dict.fromkeys((folder / "config", folder / "config.worktree", own / "config.worktree"))
    return tuple(place for place in places if place.is_file())


def _pointer(file: Path, label: str, start: Path) -> Path:
    """The path that a file of git's holds, which may be relative to `start`."""
    try:
        text = file.read_text("utf-8", "surrogateescape").removesuffix("\n")
        if not text.startswith(label):
            raise SandboxSpecError(f"{str(file)!r} does not begin with {label!r}; git worktree repair")
        return (start / text.removeprefix(label).strip()).resolve(strict=True)
    except OSError as error:
        raise SandboxSpecError(f"{str(file)!r} leads nowhere ({error}); git worktree repair") from error
