from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from animus_workflow_runner_default.authoring.loading import Loaded, load
from animus_workflow_runner_default.authoring.packs import Pack

PHASES = """\
agents:
  coder: {tool: claude, model: claude-sonnet-4-6}
phases:
  impl: {mode: agent, agent: coder, directive: Do it.}
  test: {mode: command, command: {program: pytest}}
  review: {mode: agent, agent: coder}
  gate: {mode: manual, manual: {instructions: Look at it.}}
"""


class Project:
    """A directory with definitions."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def load(self, *, packs: Iterable[Pack] = (), environ: Mapping[str, str] | None = None) -> Loaded:
        return load(self.root, packs, environ or {})

    def pack(self, name: str, files: Mapping[str, str], *, source: str = "bundled", manifest: str = "") -> Pack:
        root = self.root / "packs" / name
        head = f'schema = "animus.pack.v1"\nid = "{name}"\nversion = "1.0.0"\n'
        for file, text in {"pack.toml": head + manifest, **files}.items():
            self.write(f"packs/{name}/{file}", text)
        return Pack(name, "1.0.0", str(root), source)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def load_text(project: Project) -> Callable[..., Loaded]:
    """Load one file of definitions, with a few phases to name (`impl`, `test`, `review`, `gate`)."""

    def load_one(text: str, *, with_phases: bool = True, environ: Mapping[str, str] | None = None) -> Loaded:
        if with_phases:
            project.write(".animus/workflows/a-phases.yaml", PHASES)
        project.write(".animus/workflows/flow.yaml", text)
        return project.load(environ=environ)

    return load_one


@pytest.fixture
def errors_of(load_text: Callable[..., Loaded]) -> Callable[..., list[str]]:
    """The errors of one file, as `file:line:column: message` with the file's folder left out."""

    def errors(text: str, *, with_phases: bool = True, environ: Mapping[str, str] | None = None) -> list[str]:
        loaded = load_text(text, with_phases=with_phases, environ=environ)
        found = [item for item in loaded.diagnostics if item.severity == "error"]
        return [f"{item.position}: {item.message}".removeprefix(".animus/workflows/") for item in found]

    return errors


@pytest.fixture
def warnings_of(load_text: Callable[..., Loaded]) -> Callable[..., list[str]]:
    """The warnings of one file, likewise."""

    def warnings(text: str, *, with_phases: bool = True) -> list[str]:
        loaded = load_text(text, with_phases=with_phases)
        found = [item for item in loaded.diagnostics if item.severity == "warning"]
        return [f"{item.position}: {item.message}".removeprefix(".animus/workflows/") for item in found]

    return warnings
