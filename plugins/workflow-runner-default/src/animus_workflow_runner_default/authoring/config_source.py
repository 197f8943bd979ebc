"""The config_source kind: ``config/load`` and ``config/validate`` (protocol section 10).

`ConfigSource` is made once the handshake said which packs there are; its methods are the handlers.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.config_source import (
    CacheToken,
    ConfigDiagnostic,
    ConfigLoadParams,
    ConfigLoadResult,
    ConfigModel,
    ConfigValidateResult,
)
from animus_plugin_protocol.wire.lifecycle import PackRoot
from animus_workflow_runner_default.authoring.freshness import Signature, signature_of

if TYPE_CHECKING:
    from animus_workflow_runner_default.authoring.diagnostics import Diagnostic
    from animus_workflow_runner_default.authoring.loading import Loaded

__all__ = ["ConfigSource"]


class ConfigSource:
    """Answers for the definitions of projects, with the packs the host resolved."""

    def __init__(self, packs: Iterable[PackRoot] = (), environ: Mapping[str, str] | None = None) -> None:
        """Set up.

        Args:
            packs: ``init_extensions.packs``.
            environ: where ``${NAME}`` is looked up; by default this process's environment.
        """
        self._packs = list(packs)
        self._environ = os.environ if environ is None else environ
        self._latest: tuple[Path, Signature, Loaded] | None = None
        # Requests come from many threads; the first conversions of msgspec's types are not safe among threads.
        self._loading = threading.Lock()

    def read(self, project_root: str | Path) -> "Loaded":
        """A project's definitions, as the runner itself needs them; read again only when files may have changed.

        Raises:
            RefusedError: the project root is not a directory.
        """
        root = Path(project_root)
        if not root.is_dir():
            raise RefusedError(
                f"the project root {str(root)!r} is not a directory; pass the root of a project",
                code=ErrorCode.INVALID_PARAMS,
            )
        with self._loading:
            return self._read(root)

    def _read(self, root: Path) -> "Loaded":
        signature = signature_of(root, (pack.root for pack in self._packs))
        if self._latest is not None and self._latest[:2] == (root, signature):
            return self._latest[2]
        from animus_workflow_runner_default.authoring.loading import load  # noqa: PLC0415 - not before the handshake
        from animus_workflow_runner_default.authoring.packs import Pack  # noqa: PLC0415 - as above

        packs = [Pack(pack.id, pack.version, pack.root, pack.source) for pack in self._packs]
        loaded = load(root, packs, self._environ)
        is_lasting = signature.is_settled and not loaded.depends_on_surroundings
        self._latest = (root, signature, loaded) if is_lasting else None
        return loaded

    def load(self, params: ConfigLoadParams) -> ConfigLoadResult:
        """``config/load``: the good definitions. What is wrong is left to `validate` and ``config.disabled``."""
        loaded = self.read(params.project_root)
        return ConfigLoadResult(
            config=ConfigModel(
                schema=loaded.config.schema,
                version=loaded.config.version,
                config=msgspec.to_builtins(loaded.config),
            ),
            cache_token=CacheToken(version=loaded.version_token, external_inputs=loaded.depends_on_surroundings),
        )

    def validate(self, params: ConfigLoadParams) -> ConfigValidateResult:
        """``config/validate``: everything that is wrong, in the order of files and lines."""
        return ConfigValidateResult(
            diagnostics=[_on_wire(found) for found in self.read(params.project_root).diagnostics]
        )


def _on_wire(found: "Diagnostic") -> ConfigDiagnostic:
    position = found.position
    return ConfigDiagnostic(
        severity=found.severity,
        message=found.message,
        file=position.file,
        line=position.line,
        column=position.column,
    )
