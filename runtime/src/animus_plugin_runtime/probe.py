"""Asking a plugin what it is: ``--manifest``, within bounds (protocol section 2).

The program runs in an empty temporary directory with an allow-listed environment and no standard input, so that
nothing of the current project can end up in it.
"""

import contextlib
import hashlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from animus_plugin_protocol.described import described
from animus_plugin_protocol.version import PROTOCOL_VERSION, is_compatible
from animus_plugin_protocol.wire.lifecycle import PluginManifest
from animus_plugin_runtime.durable import write_durably
from animus_plugin_runtime.errors import ProbeError
from animus_plugin_runtime.tolerance import read_shape
from animus_process import MARK_VARIABLE, ProcessRecord, child_environment, kill_tree, new_mark

__all__ = ["OUTPUT_LIMIT_BYTES", "PROBE_SECONDS", "SAFE_VARIABLES", "ManifestCache", "probe_manifest"]

SAFE_VARIABLES = {"PYTHONSAFEPATH": "1"}
"""For every plugin process: a Python script must not import what happens to lie beside it or in the project."""

PROBE_SECONDS = 15.0
"""How long a plugin may take to print its manifest: three times what is asked of it, for a busy machine."""

OUTPUT_LIMIT_BYTES = 1024 * 1024
"""How much it may print, on each stream."""

_READ_BYTES = 65_536
_POLL_SECONDS = 0.05
_QUOTED_BYTES = 300


class _Output:
    """What the program printed so far."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()

    def quote(self) -> str:
        """The end of its standard error, for people."""
        text = bytes(self.stderr[-_QUOTED_BYTES:]).decode("utf-8", "replace").strip()
        return f"; it said: {text}" if text else ""


def probe_manifest(argv: Sequence[str], *, timeout_seconds: float = PROBE_SECONDS) -> PluginManifest:
    """Run ``argv --manifest`` and read the manifest. Blocks for at most the time-out.

    Raises:
        ProbeError: it did not start, took too long, printed too much, failed, printed no manifest, or speaks another
            major version of the protocol.
    """
    mark = new_mark()
    with tempfile.TemporaryDirectory(prefix="animus-probe-") as neutral:
        try:
            child = subprocess.Popen(
                [*argv, "--manifest"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=neutral,
                env=child_environment(SAFE_VARIABLES | {MARK_VARIABLE: mark}),
                start_new_session=True,
            )
        except OSError as error:
            message = f"it could not be started for its manifest: {error.strerror or error}"
            raise ProbeError(message) from error
        record = ProcessRecord.of(child.pid, purpose="probe", mark=mark)
        try:
            output = _read(child, time.monotonic() + timeout_seconds, timeout_seconds)
        finally:
            kill_tree(record)
            child.wait()
            for stream in (child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
    return _manifest(output, child.returncode)


def _read(child: "subprocess.Popen[bytes]", deadline: float, timeout_seconds: float) -> _Output:
    """Read both streams until the program has ended and nothing more comes."""
    output = _Output()
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((child.stdout, output.stdout), (child.stderr, output.stderr)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, kept)
        while True:
            has_ended = child.poll() is not None
            ready = selector.select(0 if has_ended else _POLL_SECONDS) if selector.get_map() else []
            for key, _ in ready:
                data = os.read(key.fd, _READ_BYTES)
                if not data:
                    selector.unregister(key.fileobj)
                key.data.extend(data)
                if len(key.data) > OUTPUT_LIMIT_BYTES:
                    message = f"it printed more than {OUTPUT_LIMIT_BYTES} bytes instead of a manifest"
                    raise ProbeError(message)
            if has_ended and not ready:
                return output
            if time.monotonic() >= deadline:
                message = f"it did not print its manifest within {timeout_seconds:g} s{output.quote()}"
                raise ProbeError(message)
            if not selector.get_map() and not has_ended:
                time.sleep(_POLL_SECONDS)


def _manifest(output: _Output, exit_code: int) -> PluginManifest:
    if exit_code != 0:
        message = f"--manifest ended with exit code {exit_code}{output.quote()}"
        raise ProbeError(message)
    try:
        manifest: PluginManifest = read_shape(msgspec.json.Decoder(described(PluginManifest)), _json_of(output.stdout))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"--manifest printed no manifest: {error}{output.quote()}"
        raise ProbeError(message) from error
    if not is_compatible(manifest.protocol_version):
        message = (
            f"it speaks protocol {manifest.protocol_version!r}, this host {PROTOCOL_VERSION!r}: "
            "install a version of it with the same major"
        )
        raise ProbeError(message)
    return manifest


def _json_of(printed: bytes | bytearray) -> bytes:
    """What is printed from the first line that begins with a brace on: one line where that is a value, or all of it."""
    lines = bytes(printed).splitlines()
    first = next((number for number, line in enumerate(lines) if line.lstrip().startswith(b"{")), 0)
    alone = lines[first] if lines else b""
    try:
        msgspec.json.decode(alone)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b"\n".join(lines[first:])
    return alone


class _Entry(msgspec.Struct):
    key: str
    manifest: PluginManifest


class ManifestCache:
    """Manifests by the program that printed them, one file each; a damaged file counts as missing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def manifest(self, argv: Sequence[str], fingerprint: str) -> PluginManifest:
        """The manifest of the program, from the cache while `fingerprint` stays the same.

        Raises:
            ProbeError: see `probe_manifest`; failures are not remembered.
        """
        key = "\0".join((PROTOCOL_VERSION, sys.version, fingerprint, *argv))
        path = self._path(key)
        try:
            entry = msgspec.json.decode(path.read_bytes(), type=described(_Entry))
            if entry.key == key:
                return entry.manifest
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            pass
        manifest = probe_manifest(argv)
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
            write_durably(path, msgspec.json.encode(_Entry(key, manifest)))
        return manifest

    def _path(self, key: str) -> Path:
        return self.directory / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
