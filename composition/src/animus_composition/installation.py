"""Installing, removing and updating distributions with plugins, in the environment this program runs in.

These are the operations ``plugin/install``, ``uninstall`` and ``update``. They run pip, or uv where the environment has
no pip. What is running goes on as it is: a daemon uses what was installed after its next start.
"""

import importlib.metadata
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from animus_composition.catalogue import candidate_named, tags_of
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_plugin_protocol.wire import control
from animus_plugin_runtime import discover

__all__ = ["install", "uninstall", "update"]

INSTALL_SECONDS = 600
"""How long pip or uv may take."""

_TAIL_CHARS = 2000
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9,._-]+\])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")
_ADDRESS = re.compile(r"(?:git\+)?(?:https|file|ssh)://[^\s]+")
_DRY_LINE = re.compile(r"^\s*\+ ([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_RESTART = "animus daemon restart"


def install(_: Project, params: control.PluginInstallParams) -> control.PluginInstallResult:
    """Install a distribution, or without `yes` say how.

    Raises:
        ControlError: ``invalid_request`` for what is no name, file or address, and for what nobody vouches for;
            ``unavailable`` with the words of pip or uv.
    """
    name, wanted, is_on_index = _requirement(params.source, params.version)
    if not is_on_index and not params.allow_unsigned:
        message = f"{params.source!r} does not come from the package index, so nobody vouches for it"
        raise ControlError("invalid_request", message, next_step="add --allow-unsigned if you trust it")
    command = [*_installer("install"), wanted]
    if params.yes:
        _run(command)
    steps = [shlex.join(command), _RESTART]
    return control.PluginInstallResult(plugin=name, steps=steps, installed=params.yes)


def uninstall(project: Project, params: control.PluginNameParams) -> control.UnitResult:
    """Remove the distribution of a plugin.

    Raises:
        ControlError: ``not_found``; ``conflict`` for a plugin that is a file, which people remove; as `install`.
    """
    plugin = candidate_named(project, params.name)
    if plugin.distribution is None:
        raise ControlError("conflict", f"{plugin.name!r} is a file and not installed; remove it: {plugin.path}")
    quiet = ["--yes"] if _has_pip() else []
    _run([*_installer("uninstall"), *quiet, plugin.distribution])
    return control.UnitResult()


def update(project: Project, params: control.PluginUpdateParams) -> control.PluginUpdateResult:
    """Bring distributions to their latest version.

    One that was not installed from the package index is left alone: there, its name may be somebody else's.

    Raises:
        ControlError: ``not_found``; as `install`.
    """
    if params.name is None:
        plugins = discover(project.root, project.config_dir).plugins
    else:
        plugins = [candidate_named(project, params.name)]
    named = [plugin.distribution for plugin in plugins if plugin.distribution is not None]
    tagged = {name for name in named if params.tag is None or params.tag in tags_of(name)}
    wanted = sorted(filter(_is_from_index, tagged))
    if not wanted:
        return control.PluginUpdateResult(updates=[])
    newer = {name: version for name, version in _newer(wanted).items() if version != _version_of(name)}
    rows = [
        control.PluginUpdate(name=name, from_version=_version_of(name), to_version=version, applied=not params.dry_run)
        for name, version in sorted(newer.items())
    ]
    if rows and not params.dry_run:
        _run([*_installer("install"), *(f"{name}=={version}" for name, version in sorted(newer.items()))])
    return control.PluginUpdateResult(updates=rows)


def _requirement(source: str, version: str | None) -> tuple[str, str, bool]:
    """Name, requirement as pip reads it, and whether it comes from the package index."""
    if version is not None and not _VERSION.fullmatch(version):
        raise ControlError("invalid_request", f"{version!r} is no version, as 1.2.0 is")
    if _NAME.fullmatch(source):
        return source.partition("[")[0], source if version is None else f"{source}=={version}", True
    path = None if "\0" in source or "\n" in source else Path(source).expanduser()
    is_address = bool(_ADDRESS.fullmatch(source))
    if version is not None or not (
        is_address or (path is not None and source.startswith((".", "/", "~")) and path.exists())
    ):
        known = "a name (with a version, if you like), the path of a file or folder, or an address"
        raise ControlError("invalid_request", f"{source!r} cannot be installed: give {known}")
    if is_address or path is None:
        return source, source, False
    return path.name.partition("-")[0].replace("_", "-"), str(path.resolve()), False


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _installer(verb: str) -> list[str]:
    if _has_pip():
        return [sys.executable, "-m", "pip", verb]
    uv = shutil.which("uv")
    if uv is None:
        message = f"neither pip in {sys.prefix!r} nor uv on PATH is there to install with"
        raise ControlError("unavailable", message, next_step=f"{sys.executable} -m ensurepip")
    return [uv, "pip", verb, "--python", sys.executable]


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ControlError("unavailable", f"{shlex.join(command)} did not end in {INSTALL_SECONDS} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-_TAIL_CHARS:]
        raise ControlError("unavailable", f"{shlex.join(command)} ended with {done.returncode}: {said}")
    return done


def _newer(names: list[str]) -> dict[str, str]:
    """The versions that an update would bring, by distribution."""
    if _has_pip():
        report = _run([*_installer("install"), "--dry-run", "--quiet", "--report", "-", "--upgrade", *names]).stdout
        rows: list[dict[str, Any]] = json.loads(report).get("install", [])
        found = {str(row["metadata"]["name"]): str(row["metadata"]["version"]) for row in rows}
    else:
        done = _run([*_installer("install"), "--dry-run", "--upgrade", *names])
        found = dict(_DRY_LINE.findall(done.stderr))
    return {name: found[name] for name in names if name in found}


def _is_from_index(distribution: str) -> bool:
    """Whether no other origin is on record (PEP 610)."""
    try:
        return importlib.metadata.distribution(distribution).read_text("direct_url.json") is None
    except importlib.metadata.PackageNotFoundError:
        return False


def _version_of(distribution: str) -> str:
    return importlib.metadata.version(distribution)
