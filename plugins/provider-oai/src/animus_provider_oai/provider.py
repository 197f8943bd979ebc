"""The provider kind over an agent of our own: run, resume, cancel, respond."""

import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from animus_agent_cli.session import Sessions
from animus_plugin_protocol import Context, ErrorCode, Plugin, RefusedError, methods
from animus_plugin_protocol.wire.lifecycle import EnvRequirement, HealthCheckResult, ProjectBinding
from animus_plugin_protocol.wire.provider import (
    AgentCancelParams,
    AgentCancelResult,
    AgentRespondParams,
    AgentRespondResult,
    AgentRunParams,
    AgentRunResult,
    ProviderCapabilities,
)
from animus_provider_oai.endpoint import (
    BASE_URL,
    FALLBACK_BASE_URL,
    KEY,
    MODEL,
    PRICES,
    STALL,
    TURNS,
    base_url_in,
)

if TYPE_CHECKING:
    from animus_provider_oai.session import ActiveRun

__all__ = ["CLOSE_SECONDS", "RUNS", "TOOLS", "VERSION", "OaiProvider", "build", "state_folder"]

VERSION: Final = "0.1.0"
TOOLS: Final = ("oai", "oai-agent")
"""The tool ids this provider answers for."""
CLOSE_SECONDS: Final = 0.55
"""How long the runs may take to end with the plugin, all together; it is given 0.6."""
RUNS: Final = 64
"""Runs at once; a further one waits for one of them to end."""

_VARIABLES: Final = (
    (BASE_URL, "address of the endpoint, with its /v1: http://127.0.0.1:11434/v1", False),
    (FALLBACK_BASE_URL, f"the same, where {BASE_URL} is not set", False),
    (KEY, "key of the endpoint; local ones need none", True),
    (MODEL, "model to ask when the workflow names none", False),
    (PRICES, "prices by model as JSON, or a file with it; without it no cost is told", False),
    (TURNS, "most answers of the model in one run", False),
    (STALL, "how long the endpoint may be silent, in seconds", False),
)


class OaiProvider:
    """The handlers. A run belongs to the thread that handles its request; the rest comes from any other."""

    def __init__(self) -> None:
        """Start without runs."""
        self._sessions: Sessions[ActiveRun] = Sessions()

    def register(self, plugin: Plugin) -> None:
        """Serve the kind, under the tool ids `TOOLS`."""
        plugin.register_method(methods.AGENT_RUN, self.run)
        plugin.register_method(methods.AGENT_RESUME, self.resume)
        # On the reader: these must not wait for a worker while every worker is busy with a run.
        plugin.register_method(methods.AGENT_CANCEL, self.cancel, inline=True)
        plugin.register_method(methods.AGENT_RESPOND, self.respond, inline=True)
        plugin.advertise("provider", ProviderCapabilities(tools=list(TOOLS)))
        for name, description, is_sensitive in _VARIABLES:
            plugin.require_env(EnvRequirement(name=name, description=description, sensitive=is_sensitive))
        plugin.on_health(self.health)
        plugin.on_shutdown(self.close)

    def run(self, params: AgentRunParams, context: Context) -> AgentRunResult:
        """Begin a session and work until the final answer."""
        return self._run(params, context, resume_id=None)

    def resume(self, params: AgentRunParams, context: Context) -> AgentRunResult:
        """Take up the session that ``session_id`` names, with a further prompt."""
        if not params.session_id:
            raise RefusedError(
                "agent/resume needs session_id: the resume_id of the run before",
                data={"category": "session_start_failed", "failure": "unknown"},
            )
        return self._run(params, context, resume_id=params.session_id)

    def cancel(self, params: AgentCancelParams) -> AgentCancelResult:
        """End the run of a session. Answers at once; the run's own request ends when nothing of it is left."""
        run = self._sessions.find(params.session_id)
        if run is not None:
            run.cancel()
        return AgentCancelResult(session_id=params.session_id, cancelled=run is not None)

    def respond(self, params: AgentRespondParams) -> AgentRespondResult:
        """Take a person's answer."""
        run = self._sessions.find(params.session_id)
        return AgentRespondResult(accepted=run is not None and run.respond(params.interaction_id, params.response))

    def health(self) -> HealthCheckResult:
        """Degraded as long as no endpoint is named."""
        if base_url_in(os.environ):
            return HealthCheckResult(status="healthy")
        return HealthCheckResult(status="degraded", last_error=f"no endpoint is set: set {BASE_URL}, or {KEY}")

    def close(self) -> None:
        """The plugin ends: end every run at once. Their sessions can be resumed."""
        runs = self._sessions.active()
        for run in runs:
            run.kill()
        deadline = time.monotonic() + CLOSE_SECONDS
        for run in runs:
            run.wait_over(max(0.0, deadline - time.monotonic()))

    def _run(self, params: AgentRunParams, context: Context, resume_id: str | None) -> AgentRunResult:
        from animus_provider_oai.session import ActiveRun  # noqa: PLC0415 - start-up is a budget

        own_id = params.session_id or params.control_session_id or str(uuid.uuid4())
        told_id = params.control_session_id or own_id
        run = ActiveRun(params, context, resume_id, folder=state_folder(context.binding, os.environ), told_id=told_id)
        ids = {own_id, told_id}
        if not self._sessions.open(ids, run):
            raise RefusedError(
                f"session {told_id!r} is running already",
                code=ErrorCode.INVALID_PARAMS,
                data={"category": "session_start_failed", "failure": "unknown"},
            )
        try:
            context.on_cancel(run.cancel)
            return run.run()
        finally:
            self._sessions.close(ids)


def state_folder(binding: ProjectBinding | None, environment: Mapping[str, str]) -> Path:
    """Where sessions are kept: in the project's state, else below the user's."""
    if binding is not None and binding.state_dir:
        return Path(binding.state_dir) / "provider-oai"
    configured = environment.get("ANIMUS_CONFIG_DIR")
    home = Path(configured) if configured else Path.home() / ".animus"
    scope: Any = binding.repo_scope if binding is not None else ""
    return home / scope / "provider-oai" if scope else home / "provider-oai"


def build() -> Plugin:
    """The plugin, ready to run."""
    plugin = Plugin(
        "animus-provider-oai", VERSION, description="An agent on any OpenAI-compatible endpoint.", workers=RUNS
    )
    OaiProvider().register(plugin)
    return plugin
