"""Where definitions come from, lowest rank first.

Bundled packs, installed packs, the project's own files, packs in the project that override all of them.
"""

import codecs
from collections.abc import Iterable
from pathlib import Path as FilePath

import msgspec

from animus_workflow_runner_default.authoring.diagnostics import Position
from animus_workflow_runner_default.authoring.document import MAX_FILE_BYTES, Document, DocumentError, compose
from animus_workflow_runner_default.authoring.packs import Pack, PackManifest, read_manifest
from animus_workflow_runner_default.authoring.report import Report

__all__ = ["Layer", "SourceFile", "layers_of", "read_document"]

PROJECT = "project"
_RANKS = {"bundled": 0, "installed": 1, PROJECT: 3}
_PROJECT_FILES_RANK = 2
_SUFFIXES = (".yaml", ".yml")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MISNAMED = ("workflows.yml", "workflow.yaml", "workflow.yml")
_LEGACY = (".animus/workflow-config.v2.json", ".animus/state/workflow-config.v2.json")


class SourceFile(msgspec.Struct, frozen=True):
    """A file and the name it goes by in diagnostics."""

    path: FilePath
    name: str


class Layer(msgspec.Struct, frozen=True):
    """Files of one origin; a definition of a later layer replaces one of an earlier layer."""

    name: str
    root: FilePath
    """Files that definitions name must lie below it."""
    files: list[SourceFile]
    manifest: PackManifest | None = None
    """None for the project's own files."""


def layers_of(project_root: FilePath, packs: Iterable[Pack], report: Report) -> list[Layer]:
    """All layers with at least one file, lowest rank first; packs of one rank in the order they are given."""
    ranked = [(_RANKS.get(pack.source, 0), _pack_layer(pack, report)) for pack in packs]
    ranked.append((_PROJECT_FILES_RANK, _project_layer(project_root, report)))
    ranked.sort(key=lambda item: item[0])
    return [layer for _, layer in ranked if layer is not None and layer.files]


def _project_layer(root: FilePath, report: Report) -> Layer:
    for legacy in _LEGACY:
        if (root / legacy).exists():
            report.add("JSON definitions are not read; move them to .animus/workflows.yaml", Position(legacy))
    single, folder = root / ".animus" / "workflows.yaml", root / ".animus" / "workflows"
    files = [single] if single.is_file() else []
    files += _yaml_files(folder)
    for file in _overlooked(folder):
        message = "this file is not read: definitions are .animus/workflows.yaml and .animus/workflows/*.yaml"
        report.add(message, Position(file.relative_to(root).as_posix()), is_warning=True)
    return Layer(PROJECT, root, [SourceFile(file, file.relative_to(root).as_posix()) for file in files])


def _pack_layer(pack: Pack, report: Report) -> Layer | None:
    manifest = read_manifest(pack, report)
    if manifest is None:
        return None
    root = FilePath(pack.root)
    files = _yaml_files(_below(root, manifest.workflows.root)) if manifest.workflows is not None else []
    for name in manifest.files():
        file = _below(root, name)
        if not file.is_file():
            report.add(f"pack {pack.id!r} names {name!r}, which is no file of it", Position(str(root / "pack.toml")))
        elif file not in files:
            files.append(file)
    return Layer(f"pack {pack.id}", root, [SourceFile(file, str(file)) for file in files], manifest)


def _below(root: FilePath, name: str) -> FilePath:
    """The file of that name below the root; a name that leads elsewhere gives a path that does not exist."""
    path = root / name
    return path if path.resolve().is_relative_to(root.resolve()) else root / "outside-of-the-pack"


def _yaml_files(folder: FilePath) -> list[FilePath]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())


def _overlooked(folder: FilePath) -> list[FilePath]:
    """What looks as if it was meant to be read: another name, an ending in capitals, a folder deeper."""
    files = [folder.parent / name for name in _MISNAMED if (folder.parent / name).is_file()]
    if folder.is_dir():
        read = set(_yaml_files(folder))
        alike = [file for file in (*folder.glob("*"), *folder.glob("*/*")) if file.suffix.lower() in _SUFFIXES]
        files += sorted(file for file in alike if file not in read and file.is_file())
    return files


def read_document(file: SourceFile) -> Document:
    """Read one file.

    Raises:
        DocumentError: it cannot be read, is too large, is not UTF-8 or not YAML.
    """
    try:
        with file.path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", Position(file.name)) from error
    if len(content) > MAX_FILE_BYTES:
        raise DocumentError(f"larger than {MAX_FILE_BYTES} bytes; split the file", Position(file.name))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"not UTF-8 text{' (it looks like UTF-16)' * content.startswith(_UTF_16)}; save the file as UTF-8"
        raise DocumentError(message, Position(file.name, line, column)) from error
    return compose(text, file.name)
