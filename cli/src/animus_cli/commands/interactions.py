"""``agent interactions``: what the agents of runs ask, and the answers."""

from typing import Any, NamedTuple

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.render import interaction as view
from animus_cli.render.workflow import signalled
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control

__all__ = ["answer", "listed", "show"]

_MANY = 10_000
_UNDER_WAY = ["running", "paused", "pending"]
PENDING = "pending"


class Asked(NamedTuple):
    """One thing that was asked: the run, and the row of its record."""

    run: str
    row: dict[str, Any]

    @property
    def interaction_id(self) -> str:
        """Its id."""
        return str(self.row.get("interaction_id") or "")

    @property
    def is_pending(self) -> bool:
        """Whether it waits for an answer."""
        return self.row.get("status") == PENDING


@command(
    "list",
    "List what agents ask and nobody has answered yet.",
    click.Option(["--all", "everything"], is_flag=True, help="What was answered or ran out of time as well."),
    *page_options(),
)
def listed(invocation: Invocation, *, everything: bool, limit: int, offset: int) -> None:
    """A page of them."""
    found = [asked for asked in _asked(invocation, everything=everything) if everything or asked.is_pending]
    rows = [{"run": asked.run} | asked.row for asked in found]
    shown, place = page_of(rows, limit=limit, offset=offset)
    more = [place.more] if place.more else []
    record = {"interactions": shown, "total": place.total}
    invocation.show(record, lambda screen: [*view.page(shown, screen), *more])


@command("show", "Show one thing that an agent asked.", click.Argument(["interaction"], metavar="ID"))
def show(invocation: Invocation, *, interaction: str) -> None:
    """Whole."""
    asked = _found(invocation, interaction, everything=True)
    record = {"run": asked.run} | asked.row
    invocation.show(record, lambda screen: view.one(record, screen))


@command(
    "answer",
    "Answer what an agent asked. Without ID the only thing that is asked is meant.",
    click.Argument(["interaction"], metavar="[ID]", required=False),
    click.Option(["--allow"], is_flag=True, help="The agent may do it."),
    click.Option(["--deny"], is_flag=True, help="The agent must not do it."),
    click.Option(["--text"], metavar="TEXT", help="The answer to a question."),
    click.Option(["--message"], metavar="TEXT", help="What the agent is told with the decision."),
)
def answer(
    invocation: Invocation, *, interaction: str | None, allow: bool, deny: bool, text: str | None, message: str | None
) -> None:
    """Send the answer to the run.

    Raises:
        CommandError: there is not exactly one answer, or it does not fit what was asked.
    """
    if sum((allow, deny, text is not None)) != 1:
        raise _refused("give one of --allow, --deny and --text", "animus agent interactions list")
    asked = _found(invocation, interaction, everything=False)
    step = f"animus agent interactions show {asked.interaction_id}"
    kind = asked.row.get("kind")
    if kind == "question" and allow:
        raise _refused(f"{asked.interaction_id} is a question; answer it with --text, or --deny it", step)
    if kind == "approval" and text is not None:
        raise _refused(f"{asked.interaction_id} asks for leave; answer it with --allow or --deny", step)
    params = control.WorkflowAnswerParams(
        id=asked.run,
        interaction_id=asked.interaction_id,
        decision="deny" if deny else "allow",
        answer=text,
        message=message,
    )
    result: control.WorkflowSignalResult = invocation.call(OPERATIONS["workflow/answer"], params)
    invocation.show(result, lambda screen: signalled(result, screen))


def _asked(invocation: Invocation, *, everything: bool) -> list[Asked]:
    """What was asked in the runs under way, or in all runs; the latest first."""
    params = control.WorkflowListParams(status=[] if everything else _UNDER_WAY, limit=_MANY)
    listed_runs: control.WorkflowListResult = invocation.call(OPERATIONS["workflow/list"], params)
    found: list[Asked] = []
    for run in listed_runs.runs:
        whole: control.WorkflowGetResult = invocation.call(
            OPERATIONS["workflow/get"], control.WorkflowGetParams(id=run.id)
        )
        rows = json_array(json_object(whole.detail).get("interactions"))
        found += [Asked(run.id, json_object(row)) for row in rows]
    return sorted(found, key=lambda asked: str(asked.row.get("asked_at") or ""), reverse=True)


def _found(invocation: Invocation, wanted: str | None, *, everything: bool) -> Asked:
    known = [one for one in _asked(invocation, everything=everything) if everything or one.is_pending]
    matching = known if wanted is None else _called(known, wanted)
    if len(matching) == 1:
        return matching[0]
    step = "animus agent interactions list"
    if wanted is not None and not everything:
        settled = next(iter(_called(_asked(invocation, everything=True), wanted)), None)
        if settled is not None and not matching:
            message = f"{wanted!r} waits for no answer any more: it is {settled.row.get('status')}"
            raise CommandError("conflict", message, next_step=f"animus agent interactions show {wanted}")
    if matching or (wanted is None and known):
        names = ", ".join(one.interaction_id for one in matching or known)
        raise CommandError("conflict", f"several things are asked, say which: {names}", next_step=step)
    about = "nothing is asked" if wanted is None else f"nothing that is asked is called {wanted!r}"
    raise CommandError("not_found", about, next_step=step if wanted is None else f"{step} --all")


def _called(asked: list[Asked], wanted: str) -> list[Asked]:
    """What is called `wanted`, or else what begins so."""
    whole = [one for one in asked if one.interaction_id == wanted]
    return whole or [one for one in asked if wanted and one.interaction_id.startswith(wanted)]


def _refused(message: str, step: str) -> CommandError:
    return CommandError("invalid_input", message, next_step=step, remediation="invalid_input")
