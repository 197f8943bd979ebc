"""Where the database of the bound project lies."""

import os
from pathlib import Path
from typing import Final

from animus_plugin_protocol.wire.lifecycle import ProjectBinding
from animus_subject_default.errors import InvalidSubjectError

__all__ = ["DATABASE_NAME", "database_path"]

DATABASE_NAME: Final = "workflow.db"
"""Shared with the workflow runner; each component keeps to its own tables."""


def database_path(binding: ProjectBinding | None) -> Path:
    """The database of the project this process is bound to.

    The host's ``state_dir`` decides. A host that does not send it gets the default place of the repo scope, below
    ``$ANIMUS_CONFIG_DIR`` or ``~/.animus``.

    Raises:
        InvalidSubjectError: the host named no project, or a scope that is no plain folder name.
    """
    if binding is None:
        raise InvalidSubjectError(
            "the project binding is missing: this backend keeps the subjects of one project, and the host sent no "
            "init_extensions.project_binding in initialize"
        )
    if binding.state_dir:
        return Path(binding.state_dir) / DATABASE_NAME
    scope = binding.repo_scope
    if not scope or scope in {".", ".."} or "/" in scope or "\\" in scope:
        raise InvalidSubjectError(
            f"the project binding names no place to keep subjects: state_dir is missing and repo_scope is {scope!r}"
        )
    configured = os.environ.get("ANIMUS_CONFIG_DIR")
    return (Path(configured) if configured else Path.home() / ".animus") / scope / DATABASE_NAME
