"""Which ``${NAME}`` are resolved when a file is loaded, and which stay for the moment of use.

What shapes the configuration (ids, targets, numbers, programs) is resolved here. What only a process or an agent gets
to see (arguments, environments, prompts, everything of an MCP server) stays as it is written, so that a value of the
environment is neither journalled nor sent to the host; here only its form is checked.
"""

from collections.abc import Mapping

from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.document import Document, Path
from animus_workflow_runner_default.authoring.interpolation import (
    InterpolationError,
    check_references,
    has_reference,
    resolve_environment,
)
from animus_workflow_runner_default.authoring.plain import is_list, is_mapping
from animus_workflow_runner_default.authoring.scalars import resolve_plain

__all__ = ["Resolver", "is_for_use"]

_FOR_USE: dict[str, tuple[tuple[str, ...], ...]] = {
    "phases": (
        ("directive",),
        ("system_prompt",),
        ("command", "args"),
        ("command", "env"),
        ("command", "cwd_path"),
        ("manual", "instructions"),
        ("runtime", "extra_args"),
    ),
    "agents": (("system_prompt",), ("extra_args",)),
    "tools": (("base_args",), ("env",)),
    "mcp_servers": ((),),
}
"""By section: the paths below a definition whose texts are resolved where they are used."""


def is_for_use(path: Path) -> bool:
    """Whether the text at this path of a file keeps its references."""
    if not path:
        return False
    rules = _FOR_USE.get(str(path[0]), ())
    return any(path[2 : 2 + len(rule)] == rule for rule in rules)


class Resolver:
    """Fills in the references of one document's definitions.

    Attributes:
        is_used: whether a value of the environment was put in.
    """

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self.findings: list[Finding] = []
        self.is_used = False

    def resolve(self, value: object, path: Path) -> object:
        """The value with its load-time references filled in; what is wrong is added to `findings`.

        The document itself is left as it is, so that positions stay valid.
        """
        if not self._document.has_references:
            return value
        if is_mapping(value):
            return {key: self._item(value, key, item, path) for key, item in value.items()}
        if is_list(value):
            return [self._item(value, index, item, path) for index, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _item(self, container: object, key: str | int, item: object, path: Path) -> object:
        where = (*path, key)
        if not isinstance(item, str):
            return self.resolve(item, where)
        resolved = self._text(item, where)
        is_plain = (id(container), key) in self._document.plain
        return resolve_plain(resolved) if is_plain and resolved != item else resolved

    def _text(self, text: str, path: Path) -> str:
        if not has_reference(text):
            return text
        try:
            if is_for_use(path):
                check_references(text)
                return text
            self.is_used = True
            return resolve_environment(text, self._environ)
        except InterpolationError as error:
            self.findings.append(Finding(path=path, message=str(error)))
            return text
