"""The plugin under test: its command, a project of its own to be bound to, and the ways to open it."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError
from animus_plugin_protocol.version import PROTOCOL_VERSION
from animus_plugin_protocol.wire.lifecycle import InitializeResult, PluginManifest

__all__ = ["HANDSHAKE_SECONDS", "MANIFEST_BYTES", "MANIFEST_SECONDS", "PluginUnderTest"]

MANIFEST_SECONDS: Final = 5.0
MANIFEST_BYTES: Final = 1024 * 1024
HANDSHAKE_SECONDS: Final = 30.0
_FORWARDED: Final = ("PATH", "HOME", "USER", "SHELL", "TERM", "TMPDIR", "LANG", "LC_ALL", "TZ")


class PluginUnderTest:
    """Starts the plugin as a host does: cleared environment, project folder as working directory, no arguments.

    Attributes:
        command: the program and arguments to start it with.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Prepare a project, a state folder and a configuration folder below `folder`."""
        program = Path(command[0])
        # A relative path is meant from here, not from the project folder the plugin starts in.
        found = str(program.absolute()) if program.name != command[0] else command[0]
        self.command = [found, *command[1:]]
        self._folder = folder
        self._project = folder / "project"
        self._project.mkdir(exist_ok=True)
        self._started = 0

    def manifest_output(self) -> bytes:
        """What ``--manifest`` prints.

        Raises:
            CheckFailedError: it took too long, failed or printed too much.
        """
        try:
            done = subprocess.run(
                [*self.command, "--manifest"],
                cwd=self._project,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=MANIFEST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise CheckFailedError(f"--manifest still runs after {MANIFEST_SECONDS:g} s") from None
        if done.returncode != 0:
            raise CheckFailedError(f"--manifest ended with exit code {done.returncode}, expected 0")
        if len(done.stdout) > MANIFEST_BYTES:
            raise CheckFailedError(f"--manifest printed {len(done.stdout)} bytes, hosts read {MANIFEST_BYTES}")
        return done.stdout

    def manifest(self) -> PluginManifest:
        """The manifest.

        Raises:
            CheckFailedError: it is none.
        """
        lines = self.manifest_output().strip().split(b"\n")
        if len(lines) != 1:
            raise CheckFailedError(f"--manifest printed {len(lines)} lines, expected one JSON line")
        try:
            return msgspec.json.decode(lines[0], type=PluginManifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CheckFailedError(f"--manifest printed no manifest: {error}") from error

    def start(self) -> Peer:
        """The plugin, running, before any handshake."""
        self._started += 1
        return Peer(
            self.command,
            cwd=self._project,
            environment=self._environment(),
            stderr=self._folder / f"stderr-{self._started}",
        )

    def initialize_params(self, version: str = PROTOCOL_VERSION) -> dict[str, Any]:
        """What a host says first, with a binding to the prepared project."""
        binding = {
            "project_root": str(self._project),
            "repo_scope": "conformance-000000000000",
            "state_dir": str(self._folder / "state"),
        }
        return {
            "protocol_version": version,
            "host_info": {"name": "animus-conformance", "version": "0.1.0"},
            "capabilities": {"streaming": True, "progress": True, "cancellation": True},
            "init_extensions": {"project_binding": binding},
        }

    def initialize(self, peer: Peer) -> InitializeResult:
        """Send ``initialize`` and read its answer.

        Raises:
            CheckFailedError: it was refused, or the answer is none.
        """
        answer = peer.request("initialize", self.initialize_params(), seconds=HANDSHAKE_SECONDS)
        if "error" in answer:
            raise CheckFailedError(f"'initialize' was refused: {answer['error']}")
        try:
            return msgspec.convert(answer.get("result"), InitializeResult)
        except msgspec.ValidationError as error:
            raise CheckFailedError(f"the answer to 'initialize' is of another shape: {error}") from error

    def open(self, peer: Peer) -> InitializeResult:
        """The whole handshake."""
        result = self.initialize(peer)
        peer.notify("initialized")
        return result

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
        return kept | {"ANIMUS_CONFIG_DIR": str(self._folder / "config")}
