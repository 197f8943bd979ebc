"""How a project is set up, on the control socket."""

from typing import Annotated

from msgspec import Meta

from animus_plugin_protocol.wire.presence import Wire

__all__ = [
    "ProjectCheck",
    "ProjectFile",
    "ProjectInitParams",
    "ProjectInitResult",
    "ProjectSetupParams",
]


class ProjectInitParams(Wire, frozen=True, kw_only=True):
    """What the files of a project are made for."""

    template: Annotated[
        str | None,
        Meta(description="Which agent does the work: claude, codex, oai or script; the first one found if left out."),
    ] = None
    yes: Annotated[bool, Meta(description="Write the files; without it only say what would be written.")] = False
    force: Annotated[bool, Meta(description="Write files again that nobody has edited since they were written.")] = (
        False
    )


class ProjectSetupParams(Wire, frozen=True, kw_only=True):
    """What is set up besides the files of the project."""

    mcp: Annotated[bool, Meta(description="Name Animus in the project's .mcp.json, for agents that people start.")] = (
        False
    )
    start_daemon: Annotated[bool, Meta(description="Have a daemon serve the project; whoever answers this is it.")] = (
        False
    )


class ProjectCheck(Wire, frozen=True, kw_only=True):
    """A command that judges the project, and the file that led to it."""

    name: str
    command: list[str]
    because_of: str


class ProjectFile(Wire, frozen=True, kw_only=True):
    """A file and what becomes of it: ``write``, ``rewrite`` or ``keep``."""

    path: str
    action: str
    reason: str = ""


class ProjectInitResult(Wire, frozen=True, kw_only=True):
    """What was written, what was found in the project, and what a person still has to bring.

    `created` says whether anything was written; `tool` is the agent that a plugin speaks to, `agent` the program that
    plays one.
    """

    project_root: str
    repo_scope: str
    created: bool
    files: list[ProjectFile] = []
    tests: ProjectCheck | None = None
    linter: ProjectCheck | None = None
    agent: list[str] | None = None
    tool: str | None = None
    agents_found: list[str] = []
    missing: list[str] = []
    next: list[str] = []
