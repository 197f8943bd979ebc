"""What tools there are: their names, what the model is told of them, and which a policy leaves."""

from typing import Any, Final, NamedTuple

from animus_agent_cli.request import ToolPolicy

__all__ = ["ASK", "TOOLS", "ArgumentError", "Tool", "arguments_for", "judged_arguments", "may_use"]

_Schema = dict[str, Any]


class Tool(NamedTuple):
    """A tool. `aliases` are names that other agents have for it, which a policy may use."""

    name: str
    description: str
    properties: dict[str, _Schema]
    required: tuple[str, ...]
    changes_things: bool
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it goes by."""
        return (self.name, *self.aliases)

    @property
    def definition(self) -> dict[str, Any]:
        """As the endpoint is told of it."""
        parameters = {
            "type": "object",
            "properties": self.properties,
            "required": list(self.required),
            "additionalProperties": False,
        }
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


def _text(description: str) -> _Schema:
    return {"type": "string", "description": description}


def _number(description: str) -> _Schema:
    return {"type": "integer", "description": description}


def _flag(description: str) -> _Schema:
    return {"type": "boolean", "description": description}


_PATH: Final = _text("Path from the folder you work in.")

TOOLS: Final = (
    Tool(
        "read",
        "Read a text file.",
        {"path": _PATH, "offset": _number("First line, from 1."), "limit": _number("How many lines.")},
        ("path",),
        changes_things=False,
        aliases=("Read", "read_file"),
    ),
    Tool(
        "write",
        "Make a file or replace all of it. Folders on the way are made.",
        {"path": _PATH, "content": _text("All of the file.")},
        ("path", "content"),
        changes_things=True,
        aliases=("Write", "write_file"),
    ),
    Tool(
        "edit",
        "Replace a piece of text in a file. It must occur exactly once, unless all is true.",
        {
            "path": _PATH,
            "old": _text("The text as it stands in the file, blanks and line ends included."),
            "new": _text("What comes in its place."),
            "all": _flag("Replace every occurrence."),
        },
        ("path", "old", "new"),
        changes_things=True,
        aliases=("Edit", "MultiEdit", "edit_file", "apply_patch"),
    ),
    Tool(
        "search",
        "Search the lines of text files for a regular expression (Python's).",
        {
            "pattern": _text("The regular expression."),
            "path": _text("A file, or a folder to search below; the whole folder you work in when absent."),
            "glob": _text("Only files whose name or path fits, for example *.py."),
            "ignore_case": _flag("Upper and lower case are the same."),
        },
        ("pattern",),
        changes_things=False,
        aliases=("Grep", "grep"),
    ),
    Tool(
        "list",
        "List a folder.",
        {"path": _text("The folder; the one you work in when absent."), "depth": _number("How far down, 1 to 5.")},
        (),
        changes_things=False,
        aliases=("Glob", "LS", "glob"),
    ),
    Tool(
        "shell",
        "Run a command with sh -c in the folder you work in. You see the end of what it prints and its exit code. "
        "It has no input, and everything it started is ended with it.",
        {"command": _text("The command."), "timeout_seconds": _number("How long it may run; 120 when absent.")},
        ("command",),
        changes_things=True,
        aliases=("Bash", "bash", "exec_command", "shell_command", "run_shell_command"),
    ),
)

ASK: Final = Tool(
    "ask",
    "Ask the person you work for, when you cannot go on without knowing. They may not be there.",
    {
        "question": _text("The question."),
        "options": {"type": "array", "items": {"type": "string"}, "description": "Answers to choose from, if any."},
    },
    ("question",),
    changes_things=False,
    aliases=("AskUserQuestion", "request_user_input"),
)
"""Offered where somebody can answer."""

_OTHER_NAMES: Final = {"path": "file_path", "old": "old_string", "new": "new_string"}
"""What other agents call an argument."""
_TYPES: Final[dict[str, type]] = {"string": str, "integer": int, "boolean": bool, "array": list}


class ArgumentError(Exception):
    """Arguments that the tool cannot take; the text is for the model."""


def may_use(policy: ToolPolicy | None, tool: Tool) -> bool:
    """Whether `policy` leaves `tool`, by its own name or one that others have for it."""
    if policy is None:
        return True
    if any(not policy._replace(allow=()).may_use(name) for name in tool.names):
        return False
    return any(policy.may_use(name) for name in tool.names)


def judged_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments under every name they go by, as rules about calls may name them."""
    return {**{_OTHER_NAMES[name]: value for name, value in arguments.items() if name in _OTHER_NAMES}, **arguments}


def arguments_for(tool: Tool, given: Any) -> dict[str, Any]:
    """`given` as arguments of `tool`; null is the same as absent.

    Raises:
        ArgumentError: something is missing, unknown or of another type.
    """
    if not isinstance(given, dict):
        raise ArgumentError(f"the arguments of {tool.name!r} must be a JSON object")
    arguments: dict[str, Any] = {key: value for key, value in given.items() if value is not None}  # pyright: ignore[reportUnknownVariableType] - JSON
    for name, value in arguments.items():
        if name not in tool.properties:
            raise ArgumentError(f"{tool.name!r} has no argument {name!r}; it takes {', '.join(tool.properties)}")
        wanted = tool.properties[name]["type"]
        if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
            raise ArgumentError(f"argument {name!r} of {tool.name!r} must be of type {wanted}, not {value!r:.80}")
    missing = [name for name in tool.required if name not in arguments]
    if missing:
        raise ArgumentError(f"{tool.name!r} needs the argument {missing[0]!r}")
    return arguments
