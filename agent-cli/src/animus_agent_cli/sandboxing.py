"""An agent's program in a sandbox: what it may see, and how it reaches its model without holding the key."""

import contextlib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from animus_agent_cli.facts import BrokerKey, SandboxFacts
from animus_agent_cli.finding import ProgramStartError, find_program
from animus_agent_cli.program import ProgramCall

if TYPE_CHECKING:
    from animus_sandbox import Upstream

__all__ = ["PLACEHOLDER", "broker_url_of", "sandboxed"]

PLACEHOLDER: Final = "kept-outside-the-sandbox"
"""What the program inside has for a key."""
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_OF_THE_SANDBOX: Final = ("HOME", "USER", "SHELL", "TMPDIR")


def broker_url_of(environment: Mapping[str, str], facts: SandboxFacts) -> str:
    """Where the program will reach its model from inside: known before there is a sandbox.

    Raises:
        ProgramStartError: the model's own URL is none that a broker can ask.
    """
    from animus_sandbox import SandboxError, upstream_url  # noqa: PLC0415 - few runs are in a sandbox

    try:
        return upstream_url(_upstream(environment, facts, None, ""))
    except SandboxError as error:
        raise _not_built(error) from error


@contextlib.contextmanager
def sandboxed(call: ProgramCall, facts: SandboxFacts, folder: Path, home: Path) -> Generator[ProgramCall]:
    """The call that runs the same in a sandbox, for as long as this lasts.

    Args:
        call: the program as it would run outside.
        facts: what it needs inside.
        folder: files of the run, to be read.
        home: the agent's own folder inside; what is in it stays, so that a session can be taken up again.

    Raises:
        ProgramStartError: no sandbox can be built here, there is no such program, or no key for the broker.
    """
    from animus_sandbox import (  # noqa: PLC0415 - as above
        Sandbox,
        SandboxError,
        SandboxSpec,
        program_mounts,
        require_bubblewrap,
    )

    path = Path(find_program(call.program, call.cwd, call.environment))
    key, secret = _key_in(call.environment, facts)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        bubblewrap = require_bubblewrap()
        spec = SandboxSpec(
            worktree=call.cwd,
            readable=(*program_mounts(path), folder),
            writable=(home,),
            environment=_environment(call.environment, facts, key, home),
            upstreams=(_upstream(call.environment, facts, key, secret),),
        )
        with Sandbox(spec, bubblewrap) as sandbox:
            program, *args = sandbox.argv([str(path), *call.args])
            environment = {**sandbox.environment, facts.base_url_variable: sandbox.urls[0]}
            yield call._replace(program=program, args=args, environment=environment)
    except SandboxError as error:
        raise _not_built(error) from error


def _upstream(environment: Mapping[str, str], facts: SandboxFacts, key: BrokerKey | None, secret: str) -> "Upstream":
    from animus_sandbox import Route, Secret, Upstream  # noqa: PLC0415 - as above

    base_url = environment.get(facts.base_url_variable) or facts.base_url
    routes = tuple(Route(*route) for route in facts.routes)
    if key is None:
        return Upstream(base_url=base_url, routes=routes)
    return Upstream(base_url=base_url, header=key.header, prefix=key.prefix, key=Secret(secret), routes=routes)


def _not_built(error: Exception) -> ProgramStartError:
    return ProgramStartError(f"the agent was not started, because its sandbox cannot be built: {error}")


def _key_in(environment: Mapping[str, str], facts: SandboxFacts) -> tuple[BrokerKey, str]:
    for key in facts.keys:
        secret = environment.get(key.variable)
        if secret:
            return key, secret
    names = " or ".join(key.variable for key in facts.keys)
    raise ProgramStartError(
        f"the agent was not started: in a sandbox its key is added from outside, and there is none; set {names}"
    )


def _environment(environment: Mapping[str, str], facts: SandboxFacts, key: BrokerKey, home: Path) -> dict[str, str]:
    hidden = {*_PROXIES, *_OF_THE_SANDBOX, *(other.variable for other in facts.keys)}
    kept = {name: value for name, value in environment.items() if name not in hidden}
    return {**kept, key.variable: PLACEHOLDER, facts.home_variable: str(home)}
