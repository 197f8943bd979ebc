"""The plugin under test: its command, a project of its own to be bound to, and the ways to open it."""

import contextlib
import os
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from animus_conformance.peer import Peer
from animus_conformance.requirement import CheckFailedError
from animus_conformance.transcript import Transcript
from animus_conformance.writing import patient
from animus_plugin_protocol import methods
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
        folder: everything of this check is kept below it.
        project: the project the plugin is bound to.
        transcripts: one for each process that was started.
        latencies: seconds per method, of all processes together.
    """

    def __init__(self, command: Sequence[str], folder: Path, manifest: PluginManifest | None = None) -> None:
        """Prepare a project, a state folder and a configuration folder below `folder`.

        Args:
            command: how the plugin is started.
            folder: an empty folder.
            manifest: what the plugin's manifest is known to be; None asks the plugin.
        """
        program = Path(command[0])
        # A relative path is meant from here, not from the project folder the plugin starts in.
        found = str(program.absolute()) if program.name != command[0] else command[0]
        self.command = [found, *map(_from_here, command[1:])]
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir(exist_ok=True)
        self.transcripts: list[Transcript] = []
        self.latencies: dict[str, list[float]] = {}
        self._manifest = manifest

    def manifest_output(self, option: str = "--manifest") -> bytes:
        """What ``--manifest`` prints.

        Raises:
            CheckFailedError: it took too long, failed or printed too much.
        """
        try:
            done = subprocess.run(
                [*self.command, option],
                cwd=self.project,
                env=self._environment({}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=patient(MANIFEST_SECONDS),
            )
        except subprocess.TimeoutExpired:
            raise CheckFailedError(f"{option} still runs after {MANIFEST_SECONDS:g} s") from None
        if done.returncode != 0:
            raise CheckFailedError(f"{option} ended with exit code {done.returncode}, expected 0")
        if len(done.stdout) > MANIFEST_BYTES:
            raise CheckFailedError(f"{option} printed {len(done.stdout)} bytes, hosts read {MANIFEST_BYTES}")
        return done.stdout

    def read_manifest(self) -> PluginManifest:
        """The manifest, asked for anew.

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

    def manifest(self) -> PluginManifest:
        """The manifest, asked for once."""
        if self._manifest is None:
            self._manifest = self.read_manifest()
        return self._manifest

    def start(self, extra: Mapping[str, str] | None = None, *, unread_stderr: bool = False, bare: bool = False) -> Peer:
        """The plugin, running, before any handshake.

        Args:
            extra: more environment variables.
            unread_stderr: its standard error is a pipe that nobody reads.
            bare: it has no environment variable but PATH.
        """
        number = len(self.transcripts) + 1
        transcript = Transcript(f"process {number}: {' '.join(self.command)}")
        self.transcripts.append(transcript)
        peer = Peer(
            self.command,
            cwd=self.project,
            environment={"PATH": os.environ.get("PATH", os.defpath)} if bare else self._environment(extra or {}),
            stderr=None if unread_stderr else self.folder / f"stderr-{number}",
            transcript=transcript,
        )
        peer.latencies = self.latencies
        return peer

    @contextlib.contextmanager
    def started(self, extra: Mapping[str, str] | None = None) -> Generator[Peer]:
        """The plugin behind its handshake."""
        with self.start(extra) as peer:
            self.open(peer)
            yield peer

    def initialize_params(self, version: str = PROTOCOL_VERSION, *, bound: bool = True) -> dict[str, Any]:
        """What a host says first, with a binding to the prepared project."""
        binding = {
            "project_root": str(self.project),
            "repo_scope": "conformance-000000000000",
            "state_dir": str(self.folder / "state"),
        }
        params: dict[str, Any] = {
            "protocol_version": version,
            "host_info": {"name": "animus-conformance", "version": "0.7.0"},
            "capabilities": {"streaming": True, "progress": True, "cancellation": True},
        }
        return {**params, "init_extensions": {"project_binding": binding}} if bound else params

    def initialize(self, peer: Peer) -> InitializeResult:
        """Send ``initialize`` and read its answer.

        Raises:
            CheckFailedError: it was refused, or the answer is none.
        """
        answer = peer.request(methods.INITIALIZE, self.initialize_params(), seconds=HANDSHAKE_SECONDS)
        if "error" in answer:
            raise CheckFailedError(f"'initialize' was refused: {answer['error']}")
        result = msgspec.convert(answer["result"], InitializeResult)
        peer.initialized = result
        peer.judgement.subject_kinds = frozenset(result.capabilities.subject_kinds)
        return result

    def open(self, peer: Peer) -> InitializeResult:
        """The whole handshake."""
        result = self.initialize(peer)
        peer.notify(methods.INITIALIZED)
        return result

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
        return kept | {"ANIMUS_CONFIG_DIR": str(self.folder / "config")} | dict(extra)


def _from_here(word: str) -> str:
    """An argument that names a file of the current folder (``bash plugin.sh``), by its whole path."""
    return os.path.abspath(word) if os.path.isfile(word) else word  # noqa: PTH100, PTH113 - a word, not yet a path
