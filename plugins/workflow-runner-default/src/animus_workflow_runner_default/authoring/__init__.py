"""Authoring: from the YAML a person writes to the compiled definitions a run executes.

`model` holds the compiled types, `config_source` reads a project and its packs and answers ``config/load`` and
``config/validate``, `interpolation` and `substitution` put values into texts where a run uses them.
"""

from animus_workflow_runner_default.authoring.model import CompiledConfig, digest, find_workflow

__all__ = ["CompiledConfig", "digest", "find_workflow"]
