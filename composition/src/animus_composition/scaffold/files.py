"""The three files of ``animus init``, made from what was found, and what happens to each.

Every file begins with a line that holds the digest of the rest. It tells a file that nobody has touched since from one
that somebody edited; only the first kind is ever written again.
"""

import hashlib
import json
import os
import stat
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

from animus_composition.scaffold.agents import AGENTS
from animus_composition.scaffold.checks import Check
from animus_control.errors import ControlError
from animus_plugin_runtime.durable import write_durably

__all__ = [
    "AGENT_PATH",
    "MANIFEST_PATH",
    "WORKFLOWS_PATH",
    "Findings",
    "PlannedFile",
    "planned_files",
    "target_of",
    "write_file",
]

MANIFEST_PATH = "animus.toml"
WORKFLOWS_PATH = ".animus/workflows.yaml"
AGENT_PATH = ".animus/agents/agent.py"

_FILE_MODE = 0o644

Action = Literal["write", "rewrite", "keep"]
_MARK = "# animus init "
_NO_TESTS = "no tests are set up: say in .animus/workflows.yaml, phases.test, how they are run"


class Findings(NamedTuple):
    """What the files are made from; None is what was not found."""

    tests: Check | None
    linter: Check | None
    agent: tuple[str, ...] | None
    tool: str | None = None
    """The agent that a plugin speaks to; then no program has to play it."""


class PlannedFile(NamedTuple):
    """A file and what becomes of it."""

    path: str
    action: Action
    reason: str
    text: str


def planned_files(root: Path, findings: Findings, *, force: bool) -> list[PlannedFile]:
    """What `init` would do in `root`; nothing is written here.

    Args:
        root: the project.
        findings: what was found in it.
        force: write files again that are as an earlier `init` left them.

    Raises:
        ControlError: ``invalid_request`` when a symbolic link leads a file to be written out of the project.
    """
    workflows = _planned(root, WORKFLOWS_PATH, _workflows(findings), force=force)
    if workflows.action == "write" and any((root / ".animus" / "workflows").glob("*.y*ml")):
        workflows = workflows._replace(action="keep", reason="the project has definitions in .animus/workflows/")
    files = [_planned(root, MANIFEST_PATH, _data("animus.toml"), force=force), workflows]
    if AGENT_PATH in _text_after(root, workflows):
        files.append(_planned(root, AGENT_PATH, _agent(findings), force=force))
    for file in files:
        if file.action != "keep":
            target_of(root, file.path)
    return files


def target_of(root: Path, name: str) -> Path:
    """Where a file of the project really lies, behind all symbolic links.

    A repository that somebody checked out may carry links to anywhere, so only the project itself is written to.

    Raises:
        ControlError: ``invalid_request`` when that is outside the project.
    """
    path = root / name
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(os.path.realpath(root)):
        message = f"{path} leads out of the project, to {target}; remove the symbolic link, then try again"
        raise ControlError("invalid_request", message)
    return target


def write_file(root: Path, file: PlannedFile) -> None:
    """Put a file in its place: a new one for everybody who works on the project, another with the mode that it has.

    Raises:
        ControlError: as `target_of`.
    """
    path = target_of(root, file.path)
    mode = stat.S_IMODE(path.stat().st_mode) if file.action == "rewrite" else _FILE_MODE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, file.text.encode())
    path.chmod(mode)


def _planned(root: Path, name: str, body: str, *, force: bool) -> PlannedFile:
    text = f"{_MARK}{_digest(body)}\n{body}"
    path = root / name
    if not path.exists() and not path.is_symlink():
        return PlannedFile(name, "write", "", text)
    if not _is_untouched(path):
        return PlannedFile(name, "keep", "it is yours" if force else "it exists", text)
    if not force:
        return PlannedFile(name, "keep", "it exists; --force writes it again", text)
    return PlannedFile(name, "rewrite", "nobody has edited it", text)


def _text_after(root: Path, file: PlannedFile) -> str:
    """What the file will hold."""
    if file.action != "keep":
        return file.text
    try:
        return (root / file.path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _is_untouched(path: Path) -> bool:
    try:
        mark, _, body = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return False
    return mark == f"{_MARK}{_digest(body)}"


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _data(name: str) -> str:
    return (resources.files("animus_composition.scaffold") / "data" / name).read_text(encoding="utf-8")


def _workflows(findings: Findings) -> str:
    tests = findings.tests or Check("test", ("python3", "-c", f"raise SystemExit({_NO_TESTS!r})"), "")
    checks = {"test": tests} | ({} if findings.linter is None else {"lint": findings.linter})
    entries = "\n".join(f"      - {name}" for name in checks)
    phases = "\n".join(_phase(name, check) for name, check in checks.items())
    agent = _data("agent_script.yaml")
    if findings.tool is not None:
        agent = _data("agent_provider.yaml").replace("@TOOL@", findings.tool)
    return _data("workflows.yaml").replace("@ENTRIES@", entries).replace("@PHASES@", phases).replace("@AGENT@", agent)


def _phase(name: str, check: Check) -> str:
    program, *arguments = check.argv
    lines = [
        f"  {name}:",
        "    mode: command",
        "    command:",
        f"      program: {json.dumps(program)}",
        f"      args: {json.dumps(arguments)}",
        f"      category: {name}",
        "    # It changes nothing that matters, so it may be started again after a crash,",
        "    idempotency: idempotent",
        "    # but it is not repeated in the hope of another result.",
        "    retry:",
        "      max_attempts: 0",
    ]
    return "\n".join(lines) + "\n"


def _agent(findings: Findings) -> str:
    examples = "\n".join(f"#   {json.dumps(list(argv))}" for argv in AGENTS)
    agent = json.dumps(list(findings.agent or ()))
    return _data("agent.py.txt").replace("@EXAMPLES@", examples).replace("@AGENT@", agent)
