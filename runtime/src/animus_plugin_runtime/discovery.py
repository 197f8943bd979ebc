"""Finding plugins without running or importing them; only then are those that may run asked for their manifest.

Places, in the order in which they win: the project's ``.animus/plugins`` (trusted files only), the registry file,
``~/.animus/plugins``, the entry points of the host's own environment, ``$ANIMUS_PLUGIN_PATH``.
"""

import os
import shlex
import stat
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any, cast

import msgspec

import animus_plugin_protocol.early
import animus_plugin_protocol.version
from animus_plugin_protocol.entry import HANDSHAKE_FILE
from animus_plugin_runtime.candidate import Candidate, Source, short_name
from animus_plugin_runtime.entry_points import entry_points
from animus_plugin_runtime.errors import ProbeError
from animus_plugin_runtime.package import find_package, fingerprint_package
from animus_plugin_runtime.probe import ManifestCache
from animus_plugin_runtime.trust import TrustStore

__all__ = ["ENTRY_POINT_GROUP", "PATH_VARIABLE", "Discovery", "discover"]

ENTRY_POINT_GROUP = "animus.plugins"
PATH_VARIABLE = "ANIMUS_PLUGIN_PATH"
REGISTRY_FILE = "plugins.toml"
TRUST_FILE = "trust.json"

_PROBES_AT_ONCE = 4
_HANDSHAKE_HEAD = b'{"protocol_version":'


class Discovery(msgspec.Struct, kw_only=True):
    """What was found.

    Attributes:
        plugins: every plugin in the order of the places, also those that cannot be used.
        pack_overrides: directories with a ``pack.toml`` among the project's plugins.
        warnings: things that were skipped, and why.
        searched: the places that were looked at, for people.
    """

    plugins: list[Candidate] = []
    pack_overrides: list[Path] = []
    warnings: list[str] = []
    searched: list[str] = []

    @property
    def usable(self) -> list[Candidate]:
        """Those that may be started."""
        return [plugin for plugin in self.plugins if plugin.is_usable]


def discover(
    project_root: Path | None,
    config_dir: Path,
    environ: Mapping[str, str] | None = None,
    sys_path: Sequence[str] | None = None,
    *,
    trust: TrustStore | None = None,
    probe: bool = True,
) -> Discovery:
    """Find plugins. Blocks on the disk, and on probes of plugins that are not in the cache.

    Args:
        project_root: the project whose ``.animus/plugins`` counts; None outside of one.
        config_dir: ``~/.animus`` or what stands for it.
        environ: the environment; our own when None.
        sys_path: where to look for installed distributions; ``sys.path`` when None.
        trust: the store of trusted files; the one in `config_dir` when None.
        probe: ask those that may run for their manifest.
    """
    environ = os.environ if environ is None else environ
    found = Discovery()
    store = trust or TrustStore(config_dir / TRUST_FILE)
    rows: list[Candidate] = []
    if project_root is not None:
        rows.extend(_project_plugins(project_root / ".animus" / "plugins", store, found))
    rows.extend(_registry_plugins(config_dir / REGISTRY_FILE, found))
    rows.extend(_plugins_in(config_dir / "plugins", Source.USER, found))
    rows.extend(_installed_plugins(sys_path, found))
    for directory in filter(None, environ.get(PATH_VARIABLE, "").split(os.pathsep)):
        rows.extend(_plugins_in(Path(directory), Source.PATH, found))
    found.plugins = _mark_shadowed(rows)
    if probe:
        cache = ManifestCache(config_dir / "cache" / "manifests")
        with ThreadPoolExecutor(_PROBES_AT_ONCE, thread_name_prefix="animus-probe") as threads:
            found.plugins = list(threads.map(_probed, found.plugins, repeat(cache)))
    return found


def _mark_shadowed(rows: Sequence[Candidate]) -> list[Candidate]:
    """The first plugin of a name wins, unless it may not run: an untrusted file must not disable an installed one."""
    winners: dict[str, Candidate] = {}
    for row in rows:
        if row.trusted and row.problem is None:
            winners.setdefault(row.name, row)
    marked: list[Candidate] = []
    for row in rows:
        winner = winners.get(row.name)
        hidden = winner is not None and winner is not row and row.trusted and row.problem is None
        marked.append(msgspec.structs.replace(row, shadowed_by=str(winner.path)) if hidden and winner else row)
    return marked


def _probed(row: Candidate, cache: ManifestCache) -> Candidate:
    if not row.trusted or row.problem is not None or row.shadowed_by is not None:
        return row
    try:
        return msgspec.structs.replace(row, manifest=cache.manifest(row.argv, row.fingerprint))
    except ProbeError as error:
        return msgspec.structs.replace(row, problem=str(error))


def _files_in(directory: Path, found: Discovery) -> Iterator[Path]:
    found.searched.append(str(directory))
    try:
        yield from sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        found.warnings.append(f"plugins in {str(directory)!r} were skipped: {error.strerror or error}")


def _file_candidate(path: Path, source: str) -> Candidate | None:
    if not path.is_file() or not os.access(path, os.X_OK):
        return None
    status = path.stat()
    fingerprint = f"{path.resolve()}\0{status.st_mtime_ns}\0{status.st_size}"
    return Candidate(
        name=short_name(path.name),
        source=source,
        argv=(str(path.absolute()),),
        path=path.absolute(),
        fingerprint=fingerprint,
        problem=_open_to_everybody(path),
    )


def _open_to_everybody(path: Path) -> str | None:
    """Why a plugin that anybody may replace is not run, with the command that closes it."""
    for place in (path, path.parent):
        mode = place.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"{str(place)!r} may be written by everybody, so it is not run: chmod o-w {shlex.quote(str(place))}"
    return None


def _project_plugins(directory: Path, store: TrustStore, found: Discovery) -> Iterator[Candidate]:
    for path in _files_in(directory, found):
        if path.is_dir() and (path / "pack.toml").is_file():
            found.pack_overrides.append(path)
            continue
        candidate = _file_candidate(path, Source.PROJECT)
        if candidate is None:
            found.warnings.append(
                f"{str(path)!r} was skipped: a plugin is an executable file, a pack override a directory with pack.toml"
            )
            continue
        verdict = store.verdict(path)
        yield msgspec.structs.replace(
            candidate,
            trusted=verdict.trusted,
            sha256=verdict.sha256,
            problem=candidate.problem if verdict.trusted else verdict.reason,
        )


def _plugins_in(directory: Path, source: str, found: Discovery) -> Iterator[Candidate]:
    for path in _files_in(directory, found):
        candidate = _file_candidate(path, source)
        if candidate is not None:
            yield candidate
        else:
            found.warnings.append(f"{str(path)!r} was skipped: a plugin is an executable file")


def _registry_plugins(path: Path, found: Discovery) -> Iterator[Candidate]:
    """``[plugins.<name>] command = ["program", "argument"]``."""
    found.searched.append(str(path))
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        status = path.stat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        found.warnings.append(f"the registry {str(path)!r} was skipped: {error}")
        return
    for key in document.keys() - {"plugins"}:
        found.warnings.append(f"the registry {str(path)!r} has an unknown table {key!r}; it knows [plugins.<name>]")
    plugins: Any = document.get("plugins", {})
    if not isinstance(plugins, dict):
        found.warnings.append(f"the registry {str(path)!r} was skipped: 'plugins' is no table; write [plugins.<name>]")
        return
    for name, row in cast("dict[str, Any]", plugins).items():
        command = _registry_command(row)
        if command is None:
            found.warnings.append(
                f'plugin {name!r} in {str(path)!r} was skipped: it needs exactly command = ["program", ...]'
            )
            continue
        yield Candidate(
            name=short_name(name),
            source=Source.REGISTRY,
            argv=command,
            path=path,
            fingerprint=f"{_program_state(command[0])}\0{status.st_mtime_ns}",
        )


def _registry_command(row: Any) -> tuple[str, ...] | None:
    fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
    command: Any = fields.get("command")
    if fields.keys() != {"command"} or not isinstance(command, list) or not command:
        return None
    words = cast("list[Any]", command)  # type: ignore[redundant-cast] # the checkers disagree
    return tuple(words) if all(isinstance(word, str) for word in words) else None


def _program_state(program: str) -> str:
    try:
        status = Path(program).stat()
    except OSError:
        return program
    return f"{program}\0{status.st_mtime_ns}\0{status.st_size}"


def _installed_plugins(sys_path: Sequence[str] | None, found: Discovery) -> Iterator[Candidate]:
    found.searched.append(f"entry points {ENTRY_POINT_GROUP!r} of {sys.prefix}")
    protocol = fingerprint_package(Path(animus_plugin_protocol.version.__file__).parent)
    for point in entry_points(ENTRY_POINT_GROUP, sys_path):
        where = find_package(point.value, sys_path)
        problem = None
        if where is None:
            problem = f"module {point.value!r} is not there; install the distribution {point.distribution!r} again"
        yield Candidate(
            name=short_name(point.name),
            source=Source.ENVIRONMENT,
            argv=_module_command(point.value, where),
            path=point.dist_info,
            fingerprint="" if where is None else f"{protocol}\0{point.version}\0{fingerprint_package(where)}",
            distribution=point.distribution,
            version=point.version,
            problem=problem,
        )


def _module_command(module: str, where: Path | None) -> tuple[str, ...]:
    """How an installed plugin is started; one that keeps its answer to the handshake gives it before ``site`` runs."""
    # -P: the working directory is the project, whose files must not be imported.
    python = (sys.executable, "-P")
    early = Path(animus_plugin_protocol.early.__file__)  # no file that can be run where it comes out of an archive
    if where is not None and early.is_file() and _keeps_its_handshake(where / HANDSHAKE_FILE):
        return (*python, "-S", str(early), module, str(where))
    return (*python, "-m", module)


def _keeps_its_handshake(path: Path) -> bool:
    """Whether the file is what `animus_plugin_protocol.handshake_file` writes; another one may have that name."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HANDSHAKE_HEAD)) == _HANDSHAKE_HEAD
    except OSError:
        return False
