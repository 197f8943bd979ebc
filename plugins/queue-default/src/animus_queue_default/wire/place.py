"""Where the queue of a project lies."""

import os
from pathlib import Path

from animus_plugin_protocol import ErrorCode, RefusedError
from animus_plugin_protocol.wire.lifecycle import ProjectBinding

__all__ = ["CONFIG_SETTING", "binding_error", "state_directory"]

CONFIG_SETTING = "ANIMUS_CONFIG_DIR"
"""Where state is kept instead of ``~/.animus``, for hosts that do not say it in the handshake."""
_IN_SLUG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_SCOPE_DIGITS = 12


def state_directory(binding: ProjectBinding) -> Path:
    """What the host names; or else the folder of the project's scope, which is derived from its root if need be.

    Raises:
        RefusedError: the scope is no name of a folder.
    """
    if binding.state_dir:
        return Path(binding.state_dir)
    scope = binding.repo_scope.strip() or _scope_of(binding.project_root)
    if scope in {".", ".."} or "/" in scope or "\0" in scope:
        raise binding_error(
            f"the host named no place for state: project_binding has no state_dir, and its repo_scope {scope!r} is no"
            " name of a folder"
        )
    configured = os.environ.get(CONFIG_SETTING)
    return (Path(configured) if configured else Path.home() / ".animus") / scope


def binding_error(text: str) -> RefusedError:
    """What a host is told that binds the process to no project, or to another one."""
    return RefusedError(text, code=ErrorCode.QUEUE_BINDING_MISMATCH)


def _scope_of(project_root: str) -> str:
    """The scope Animus itself gives a main checkout: the name of its folder and a digest of its path."""
    from hashlib import sha256  # noqa: PLC0415 - only under a host that names no scope

    path = Path(project_root).resolve()
    kept = "".join(letter if letter in _IN_SLUG else " " for letter in path.name.lower())
    digest = sha256(str(path).encode(errors="surrogateescape")).hexdigest()
    return f"{'-'.join(kept.split()) or 'project'}-{digest[:_SCOPE_DIGITS]}"
