"""What there is to know of an agent's program before it runs."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from animus_agent_cli.failure import FailureRow

__all__ = ["AgentFacts", "BrokerKey", "SandboxFacts", "Variable"]


class Variable(NamedTuple):
    """An environment variable that the program reads: hosts are asked for it, the program gets it, none is a must."""

    name: str
    description: str
    is_sensitive: bool = False


class BrokerKey(NamedTuple):
    """A key that may not enter a sandbox: the broker puts it into `header` of every request that leaves."""

    variable: str
    header: str
    prefix: str = ""


class SandboxFacts(NamedTuple):
    """What the program needs in a sandbox.

    Attributes:
        base_url: where the model is, unless `base_url_variable` says so.
        base_url_variable: tells the program inside where the broker is.
        keys: the first whose variable is set is what the broker adds.
        routes: (method, path below the base URL) that may leave.
        home_variable: names the folder with the agent's sessions and settings.
    """

    base_url: str
    base_url_variable: str
    keys: tuple[BrokerKey, ...]
    routes: tuple[tuple[str, str], ...]
    home_variable: str


def _found(_: Mapping[str, str]) -> str | None:
    return None


class AgentFacts(NamedTuple):
    """One agent.

    Attributes:
        tool: the tool id that workflows name it by.
        program: the program, looked up in PATH.
        program_variable: an environment variable that names another one.
        minimum_version: an older program is reported, not tried.
        install_hint: how to get it.
        variables: see `Variable`.
        can_ask: whether the program asks for leave in a way that can be answered.
        can_judge: whether every tool call can be judged before it is made, so that rules about calls hold.
        can_resume: whether it can take up a session again.
        honours: which optional fields of a request it honours: ``web_search``, ``network_access``,
            ``config_overrides``, ``extra_args``, ``tool_profile``.
        find_credentials: what is missing in an environment for the program to be logged in; None for nothing.
        failures: what its failures mean, before the shared table.
        sandbox: None where it cannot run in a sandbox.
        version_args: make the program print its version.
    """

    tool: str
    program: str
    program_variable: str
    minimum_version: tuple[int, ...]
    install_hint: str
    variables: tuple[Variable, ...] = ()
    can_ask: bool = False
    can_judge: bool = False
    can_resume: bool = True
    honours: frozenset[str] = frozenset()
    find_credentials: Callable[[Mapping[str, str]], str | None] = _found
    failures: tuple[FailureRow, ...] = ()
    sandbox: SandboxFacts | None = None
    version_args: tuple[str, ...] = ("--version",)

    @property
    def variable_names(self) -> tuple[str, ...]:
        """The variables that are kept for the program."""
        return (self.program_variable, *(variable.name for variable in self.variables))
