"""Random workflows, verdicts, answers of people and restarts, carried out by the real engine, against a model.

The model is written from the documents. A restart ends the runner while a phase is at work; the next one goes on from
the journal, and everything has to end as if nothing had happened.
"""

import asyncio
import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.engine.runner import Runner, RunRequest
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.steering import Signal
from animus_workflow_runner_default.journal.record import Dispatch, Subject
from animus_workflow_runner_default.phases.agent import AgentReply

NAMES = "abcd"
VERDICTS = ("advance", "rework", "fail", "skip")
CUSTOM = "detour"
MOST_TURNS = 60
SECONDS = 60.0
SUBJECT = Subject(kind="task", id="task:T", native_id="T")


class Story(NamedTuple):
    """A workflow, who answers what, and when the runner dies."""

    routes: dict[str, dict[str, str]]
    budgets: dict[str, int]
    gates: frozenset[str]
    seed: int
    deaths: frozenset[tuple[str, int]]

    @property
    def names(self) -> list[str]:
        return list(self.routes)

    def says(self, place: str, attempt: int) -> str:
        """What the phase returns; the same whoever asks, and however often."""
        chosen = random.Random(f"{self.seed} {place} {attempt}")  # noqa: S311 - a choice, no secret
        if place in self.gates:
            return chosen.choice(["advance", "advance", "fail"])
        return chosen.choice(["advance", "advance", *VERDICTS, *self.routes[place]])

    def text(self) -> str:
        """The file of definitions."""
        phases = {
            name: {"mode": "manual", "manual": {"instructions": "look"}}
            if name in self.gates
            else {"mode": "agent", "directive": "work", "default_tool": "scripted", "idempotency": "idempotent"}
            for name in self.names
        }
        for name, phase in phases.items():
            phase["retry"] = {"max_attempts": self.budgets[name]}
        entries = [
            {name: {"on_verdict": {verdict: {"target": target} for verdict, target in routes.items()}}}
            for name, routes in self.routes.items()
        ]
        workflow = {"id": "w", "worktree": "skip", "phases": entries}
        return json.dumps({"workflows": [workflow], "phases": phases})

    def meant(self) -> tuple[str, list[tuple[str, int, str]]]:
        """How the run has to end, and what has to be said on the way."""
        names, here = self.names, self.names[0]
        attempts, booked = Counter[str](), Counter[str]()
        said: list[tuple[str, int, str]] = []
        while True:
            attempts[here] += 1
            verdict = self.says(here, attempts[here])
            said.append((here, attempts[here], verdict))
            target = self.routes[here].get(verdict)
            if here in self.gates and verdict == "fail":
                return "failed", said
            if target is None and verdict in {"skip", "fail"}:
                return ("cancelled" if verdict == "skip" else "escalated"), said
            if target is None:
                place = names.index(here) + (verdict != "rework")
                target = names[place] if place < len(names) else "_end"
            if target == "_end":
                return "completed", said
            if verdict == "rework" or names.index(target) <= names.index(here):
                if booked[target] >= self.budgets[target]:
                    return "escalated", said
                booked[target] += 1
            here = target


@st.composite
def stories(draw: st.DrawFn) -> Story:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    targets = st.sampled_from([*names, "_end"])
    routes = {name: draw(st.dictionaries(st.sampled_from([*VERDICTS, CUSTOM]), targets, max_size=3)) for name in names}
    budgets = {name: draw(st.integers(0, 2)) for name in names}
    gates = frozenset(draw(st.sets(st.sampled_from(names), max_size=2)))
    deaths = frozenset(draw(st.sets(st.tuples(st.sampled_from(names), st.integers(1, 3)), max_size=3)))
    return Story(routes, budgets, gates, draw(st.integers(0, 2**32)), deaths)


class Provider:
    """Answers as the story says; at a death it never does."""

    def __init__(self, story: Story) -> None:
        self._story, self._due = story, set(story.deaths)
        self.dies = asyncio.Event()

    async def __call__(self, request, _listener) -> AgentReply:
        phase = request.context["phase"]
        moment = (phase["path"], phase["attempt"])
        if moment in self._due:
            self._due.discard(moment)
            self.dies.set()
            await asyncio.Event().wait()
        verdict = self._story.says(*moment)
        decision = json.dumps({"verdict": verdict, "confidence": 1.0, "risk": "low", "reason": "because"})
        return AgentReply(exit_code=0, output=decision, errors=[], backend="scripted")


async def carried_out(story: Story, home: Path, clock) -> tuple[str, list[tuple[str, int, str]]]:
    """How the run did end, and what its journal says was said."""
    project = home / "project"
    (project / ".animus").mkdir(parents=True)
    (project / ".animus" / "workflows.yaml").write_text(story.text())
    provider = Provider(story)

    def runner() -> Runner:
        services = Services(project, home / "state", clock=clock, environ={"HOME": str(home)})
        return Runner(services, lambda: ConfigSource().read(project).config)

    working = runner()
    for _ in range(MOST_TURNS):
        provider.dies.clear()
        execution = asyncio.create_task(
            working.execute(RunRequest("r", "w", SUBJECT, Dispatch()), provider, lambda _happening: None)
        )
        death = asyncio.create_task(provider.dies.wait())
        await asyncio.wait([execution, death], return_when=asyncio.FIRST_COMPLETED, timeout=SECONDS)
        if death.done() and not execution.done():
            execution.cancel()
            await asyncio.gather(execution, return_exceptions=True)
            await working.close()
            working = runner()
            continue
        death.cancel()
        report = await execution
        if report.run.status.value != "paused":
            await working.close()
            return report.run.status.value, [
                (item.path, item.attempt, item.decision.verdict if item.decision else "fail")
                for item in report.attempts
            ]
        place = report.run.waiting.path
        number = max(item.attempt for item in report.attempts if item.path == place)
        is_approved = story.says(place, number) == "advance"
        await working.signal("r", Signal("approve" if is_approved else "reject", note="looked at"))
    raise AssertionError("it does not end")


@given(story=stories())
@settings(max_examples=20, deadline=None)
def test_run_ends_as_the_model_says_however_often_its_runner_is_restarted(make_clock, story):
    with tempfile.TemporaryDirectory() as home:
        ended = asyncio.run(carried_out(story, Path(home), make_clock()))
    assert ended == story.meant()
