"""``agent list``, ``status`` and ``control``: the agents that are defined, and those at work in runs."""

from typing import Any

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.render import agents as view
from animus_cli.render.workflow import signalled
from animus_control.client import ControlClient
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control

__all__ = ["at_work", "profiles", "steer"]

_MANY = 10_000
_ACTIONS = {"pause": "workflow/pause", "resume": "workflow/resume", "terminate": "workflow/cancel"}


@command("list", "List the agents of the workflow files, with the tool and the model of each.", *page_options())
def profiles(invocation: Invocation, *, limit: int, offset: int) -> None:
    """A page of them."""
    compiled: control.WorkflowConfigResult = invocation.call(OPERATIONS["workflow/config/get"], control.EmptyParams())
    config = json_object(compiled.config)
    tools = json_object(config.get("tools"))
    rows = [_profile(name, json_object(agent), tools) for name, agent in json_object(config.get("agents")).items()]
    shown, place = page_of(rows, limit=limit, offset=offset)
    more = [place.more] if place.more else []
    invocation.show({"agents": shown, "total": place.total}, lambda screen: [*view.page(shown, screen), *more])


@command(
    "status",
    "Show the agents at work: since when, on what, and what they used; or one session that was detached.",
    click.Argument(["session"], metavar="[SESSION]", required=False),
    *page_options(),
)
def at_work(invocation: Invocation, *, session: str | None, limit: int, offset: int) -> None:
    """A page of them, or one."""
    if session is not None:
        name, params = "agent/status", control.AgentStatusParams(id=session)
        found: control.AgentStatusResult = invocation.call(OPERATIONS[name], params)
        invocation.show(found, lambda screen: view.session(found, screen))
        return
    wanted = control.WorkflowListParams(status=["running"], limit=_MANY)
    runs: control.WorkflowListResult = invocation.call(OPERATIONS["workflow/list"], wanted)
    rows = [row for run in runs.runs if (row := _working(invocation, run.id)) is not None]
    rows += _detached(invocation)
    shown, place = page_of(rows, limit=limit, offset=offset)
    more = [place.more] if place.more else []
    invocation.show({"agents": shown, "total": place.total}, lambda screen: [*view.working(shown, screen), *more])


@command(
    "control",
    "Pause, resume or terminate the agent of a run; pausing takes effect after its phase.",
    click.Argument(["run"], metavar="RUN"),
    click.Argument(["action"], type=click.Choice(list(_ACTIONS)), metavar="|".join(_ACTIONS)),
    click.Option(["--reason"], metavar="TEXT", help="Why; kept with the run."),
)
def steer(invocation: Invocation, *, run: str, action: str, reason: str | None) -> None:
    """As the commands on workflows do."""
    name = _ACTIONS[action]
    params = OPERATIONS[name].params(id=run, reason=reason)
    result: control.WorkflowSignalResult = invocation.call(OPERATIONS[name], params)
    invocation.show(result, lambda screen: signalled(result, screen))


def _profile(name: str, agent: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
    runtime = json_object(agent.get("runtime"))
    tool = agent.get("tool") or runtime.get("tool")
    return {
        "id": name,
        "tool": tool,
        "model": agent.get("model") or runtime.get("model"),
        "program": json_object(tools.get(str(tool))).get("executable"),
        "description": agent.get("description") or agent.get("role"),
    }


def _detached(invocation: Invocation) -> list[dict[str, Any]]:
    """The agents that a daemon runs outside of any workflow."""
    client = ControlClient.connect(invocation.project())
    if client is None:
        return []
    with client:
        listed: control.DaemonAgentsResult = client.call("daemon/agents")
    unknown = dict.fromkeys(("run", "subject", "waiting", "path", "attempt", "tokens", "cost_usd"))
    return [
        unknown | {"session": row.session_id, "target": row.provider, "model": row.model, "started_at": row.started_at}
        for row in listed.agents
        if row.workflow_id is None
    ]


def _working(invocation: Invocation, run_id: str) -> dict[str, Any] | None:
    """The agent phase that a run is in, or None."""
    found: control.WorkflowGetResult = invocation.call(OPERATIONS["workflow/get"], control.WorkflowGetParams(id=run_id))
    phases = json_array(json_object(found.detail).get("phases"))
    row = json_object(phases[-1]) if phases else {}
    if row.get("mode") != "agent" or row.get("status") != "running":
        return None
    calls = json_array(row.get("calls"))
    call = json_object(calls[-1]) if calls else {}
    keys = ("path", "attempt", "target", "model", "started_at", "tokens", "cost_usd")
    waiting = None if found.waiting is None else found.waiting.reason
    picked = {key: row.get(key) or call.get(key) for key in keys}
    return {"run": found.id, "subject": found.subject_id, "waiting": waiting, "session": call.get("session")} | picked
