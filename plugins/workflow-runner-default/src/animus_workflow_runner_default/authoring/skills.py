"""Skills: text that teaches an agent something, in files of the project, of its packs, of the user, of agent programs.

A skill is a Markdown file (its body is the text) or a YAML file (``prompt: {system, prefix, suffix, directives}``).
What a skill of ours asks for besides text is refused, because it would not happen; a skill that was written for an
agent program is text and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.document import DocumentError, compose
from animus_workflow_runner_default.authoring.model import Skill
from animus_workflow_runner_default.authoring.sources import Layer
from animus_workflow_runner_default.json_value import json_array, json_object

__all__ = ["SkillError", "SkillFinder", "attach_skills"]

MAX_SKILL_BYTES = 256 * 1024
_FENCE = "---"
_NATIVE = (".animus/skills", ".animus/config/skill_definitions")
_AGENT_PROGRAMS = (".claude/skills", ".codex/skills", ".opencode/skills", ".cursor/skills", ".kiro/skills")
_UNSUPPORTED = frozenset(
    {
        "activation",
        "adapters",
        "capabilities",
        "codex_config_overrides",
        "env",
        "extra_args",
        "mcp_servers",
        "model",
        "timeout_secs",
        "tool_policy",
    }
)
"""What only an agent's profile can ask for here."""


class SkillError(Exception):
    """A skill that is there and cannot be used; the text says why and what to do."""


class SkillFinder:
    """Finds skills by name: the project's, those of packs, the user's, then those of agent programs."""

    def __init__(self, project_root: FilePath, layers: Iterable[Layer], environ: Mapping[str, str]) -> None:
        home = FilePath(environ["HOME"]) if environ.get("HOME") else None
        configured = environ.get("ANIMUS_CONFIG_DIR")
        config = FilePath(configured) if configured else None if home is None else home / ".animus"
        self._native = [project_root / folder for folder in _NATIVE]
        self._native += [layer.root / "skills" for layer in reversed(list(layers)) if layer.manifest is not None]
        self._native += [] if config is None else [config / "skills"]
        roots = [project_root, *([] if home is None else [home])]
        self._foreign = [root / folder for root in roots for folder in _AGENT_PROGRAMS]
        self._known: dict[str, Skill | None] = {}

    def find(self, name: str) -> Skill | None:
        """The skill; None if there is none of that name.

        Raises:
            SkillError: it cannot be used.
        """
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> Skill | None:
        if not name or name.startswith(".") or "/" in name or "\\" in name or "\0" in name:
            raise SkillError(f"{name!r} is no name of a skill")
        for path, is_native in self._places(name):
            if path.is_file():
                return _skill(name, path, is_native=is_native)
        return None

    def _places(self, name: str) -> Iterator[tuple[FilePath, bool]]:
        for folder in self._native:
            yield folder / name / "SKILL.md", True
            for suffix in (".md", ".yaml", ".yml"):
                yield folder / f"{name}{suffix}", True
        for folder in self._foreign:
            yield folder / name / "SKILL.md", False
            yield folder / f"{name}.md", False


def attach_skills(catalog: Catalog, finder: SkillFinder, section: str, named: dict[str, Any]) -> dict[str, Skill]:
    """The skills that the definitions of a section name.

    A name without a skill is a warning; who names a skill that cannot be used is taken out of `named`.

    Args:
        catalog: all definitions.
        finder: see there.
        section: ``agents`` or ``phases``.
        named: the usable definitions of the section, by id.
    """
    found: dict[str, Skill] = {}
    for key in list(named):
        definition = catalog.sections[section][key]
        for index, name in enumerate(named[key].skills):
            skill = _take(catalog, finder, definition, index, name)
            if skill is not None:
                found[name] = skill
        if definition.fault is not None:
            del named[key]
    return found


def _take(catalog: Catalog, finder: SkillFinder, definition: Definition, index: int, name: str) -> Skill | None:
    catalog.report.depends_on_surroundings = True
    try:
        skill = finder.find(name)
    except SkillError as error:
        catalog.blame(definition, str(error), "skills", index)
        return None
    if skill is None:
        message = f"there is no skill {name!r}; put it into .animus/skills/{name}/SKILL.md"
        finding = Finding(path=(*definition.path, "skills", index), message=message, severity="warning")
        catalog.report.take(finding, definition.document)
    return skill


def _skill(name: str, path: FilePath, *, is_native: bool) -> Skill:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_SKILL_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SkillError(f"the skill {name!r} ({path}) cannot be read: {error}") from error
    if len(content) > MAX_SKILL_BYTES:
        raise SkillError(f"the skill {name!r} ({path}) is larger than {MAX_SKILL_BYTES} bytes")
    head, body = _parts(text) if path.suffix == ".md" else (text, "")
    settings = _mapping(name, path, head)
    own = settings if path.suffix != ".md" else json_object(settings.get("animus")) or {}
    unsupported = sorted(_UNSUPPORTED & own.keys()) if is_native else []
    if unsupported:
        raise SkillError(
            f"the skill {name!r} ({path}) asks for {', '.join(map(repr, unsupported))}, which a skill cannot do here; "
            "write it in the agent's profile"
        )
    prompt = (json_object(own.get("prompt")) or {}) if is_native else {}
    return Skill(
        name=name,
        system="\n\n".join(part for part in (_text(prompt.get("system")), body.strip()) if part),
        prefix=_text(prompt.get("prefix")),
        suffix=_text(prompt.get("suffix")),
        directives=[item for item in json_array(prompt.get("directives")) or [] if isinstance(item, str)],
        source=str(path),
    )


def _parts(text: str) -> tuple[str, str]:
    """What stands between the fences at the top of a Markdown file, and the rest."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].strip() != _FENCE:
        return "", text
    end = next((index for index in range(1, len(lines)) if lines[index].strip() == _FENCE), None)
    return ("", text) if end is None else ("".join(lines[1:end]), "".join(lines[end + 1 :]))


def _mapping(name: str, path: FilePath, head: str) -> dict[str, Any]:
    if not head.strip():
        return {}
    try:
        data = compose(head, str(path)).data
    except DocumentError as error:
        raise SkillError(f"the skill {name!r} ({error.position}): {error.message}") from error
    return json_object(data) or {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
