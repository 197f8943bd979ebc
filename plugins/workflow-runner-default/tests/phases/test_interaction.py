"""What an agent asks a person: recorded, decided, answered in time, and not asked twice after a crash."""

import asyncio

import pytest

from animus_workflow_runner_default.phases.agent_book import InteractionError
from animus_workflow_runner_default.phases.agent_state import Response
from animus_workflow_runner_default.phases.approval import PROVIDER_MARGIN_SECONDS

AGENT = """
agents: {a: {tool: one, approval_policy: {POLICY}}}
phases: {p: {mode: agent, agent: a, directive: work}}
"""
ALLOW = Response(decision="allow")


def agent_with(policy: str = "{default: ask}") -> str:
    return AGENT.replace("{POLICY}", policy)


def asks(*questions: tuple[str, str, dict[str, object]], session: str = "mine"):
    async def step(_request, listener, agent):
        listener.begin_session(session)
        for native_id, kind, payload in questions:
            agent.answered.clear()
            listener.ask(native_id, kind, payload, None)
            await agent.answered.wait()
        return "done"

    return step


def run_shell(native_id: str = "q1") -> tuple[str, str, dict[str, object]]:
    return native_id, "approval", {"tool_name": "Bash", "arguments": {"command": "rm -r x"}}


async def until(condition) -> None:
    """Let others work until `condition` holds."""
    while not condition():  # noqa: ASYNC110 - what is waited for is in the journal, and nothing tells of it
        await asyncio.sleep(0)


def waits(bench, before: int) -> bool:
    """Whether a call that came after the first `before` ones waits for a person."""
    kept = bench.kept
    return len(kept.calls) > before and any(item.session == kept.last.session for item in kept.pending)


def answering(bench, scripted, step, *answers: tuple[str | None, Response]):
    """Run the attempt; a person answers as soon as something waits."""

    async def both():
        agent = scripted(step)
        before = len(bench.kept.calls)
        work = asyncio.create_task(bench.go(agent))
        for interaction_id, response in answers:
            await until(lambda: waits(bench, before))
            await bench.book.answer(interaction_id, response, "somebody")
            await until(lambda: not bench.kept.pending)
        return await work, agent

    return asyncio.run(both())


def test_a_person_allows_and_the_agent_goes_on(bench, scripted):
    bench.define(agent_with())
    _, agent = answering(bench, scripted, asks(run_shell()), ("q1", ALLOW))
    assert agent.responses == [("q1", ALLOW)]
    (asked,) = bench.kept.interactions
    assert (asked.status, asked.answered_by, asked.tool) == ("answered", "somebody", "Bash")


def test_the_only_open_question_needs_no_name(bench, scripted):
    bench.define(agent_with())
    question = ("q1", "question", {"question": "Which colour?", "options": ["red", "blue"]})
    answer = Response(decision="allow", answer="red")
    _, agent = answering(bench, scripted, asks(question), (None, answer))
    assert agent.responses == [("q1", answer)]


def test_an_answer_is_in_the_journal_before_the_agent_has_it(bench, scripted):
    bench.define(agent_with())
    seen: list[str] = []

    class Watching(scripted):
        async def respond(self, request, native_id, response):
            seen.append(bench.kept.interactions[0].status)
            return await super().respond(request, native_id, response)

    answering(bench, Watching, asks(run_shell()), ("q1", ALLOW))
    assert seen == ["answered"]


def test_a_second_answer_is_refused(bench, scripted):
    bench.define(agent_with())
    answering(bench, scripted, asks(run_shell()), ("q1", ALLOW))
    with pytest.raises(InteractionError, match="answered already by somebody"):
        asyncio.run(bench.book.answer("q1", ALLOW, "another"))
    with pytest.raises(InteractionError, match="there is no interaction 'q9'"):
        asyncio.run(bench.book.answer("q9", ALLOW, None))


@pytest.mark.parametrize(
    ("policy", "decision"),
    [
        ("{auto_allow: [Bash]}", "allow"),
        ('{auto_allow: ["*"], auto_deny: ["Ba*"]}', "deny"),
        ("{auto_deny: [Write], default: allow}", "allow"),
        ("{auto_allow: [Read], default: deny}", "deny"),
    ],
)
def test_the_policy_decides_without_a_person(bench, policy, decision):
    bench.define(agent_with(policy))
    _, agent = bench.run(asks(run_shell()))
    assert [response.decision for _, response in agent.responses] == [decision]
    assert bench.kept.interactions[0].answered_by == "approval_policy"


@pytest.mark.parametrize(
    ("policy", "wire"),
    [
        ("{default: deny}", {"policy": "deny"}),
        ("{default: allow}", {"policy": "allow"}),
        ("{timeout_secs: 5}", {"policy": "ask", "timeout_secs": 5 + PROVIDER_MARGIN_SECONDS, "on_timeout": "deny"}),
        ("{auto_deny: [x], default: allow}", {"policy": "ask", "timeout_secs": 630, "on_timeout": "deny"}),
    ],
)
def test_a_provider_is_told_to_ask_only_where_somebody_may_decide(bench, policy, wire):
    bench.define(agent_with(policy))
    _, agent = bench.run("done")
    assert agent.asked[0].approvals == wire


def test_without_a_policy_nothing_is_said_about_approvals(bench):
    bench.define(agent_with().replace(", approval_policy: {default: ask}", ""))
    _, agent = bench.run("done")
    assert agent.asked[0].approvals is None


def test_an_approval_nobody_gives_is_denied(bench):
    bench.define(agent_with("{timeout_secs: 1}"))
    _, agent = bench.run(asks(run_shell()))
    ((_, response),) = agent.responses
    assert response.decision == "deny"
    assert "nobody answered within 1 s" in (response.message or "")
    assert bench.kept.interactions[0].status == "expired"


def test_a_question_nobody_answers_is_left_to_the_agent(bench):
    bench.define(agent_with("{timeout_secs: 1}"))
    _, agent = bench.run(asks(("q", "question", {"question": "Which?"})))
    assert "use your judgement" in (agent.responses[0][1].message or "")


def test_a_model_decides_and_a_person_where_it_cannot(bench):
    policy = "{default: llm, evaluator_model: claude-judge, evaluator_instructions: Be strict., timeout_secs: 1}"
    bench.define(agent_with(policy))
    _, agent = bench.run(asks(run_shell()), "ALLOW, it is harmless")
    assert "Be strict." in agent.asked[1].prompt
    assert [response.decision for _, response in agent.responses] == ["allow"]
    assert str(agent.asked[1].target) == "claude (claude-judge)"
    assert '"rm -r x"' in agent.asked[1].prompt
    bench.kept = None
    _, agent = bench.run(asks(run_shell()), "I cannot tell")
    assert "nobody answered" in (agent.responses[0][1].message or "")


def test_an_answer_given_before_the_crash_is_replayed_once(bench, scripted, killed):
    async def dies_after_answer(request, listener, agent):
        await asks(run_shell())(request, listener, agent)
        raise killed

    bench.define(agent_with())
    answering(bench, scripted, dies_after_answer, ("q1", ALLOW))
    _, agent = answering(
        bench, scripted, asks(run_shell("n1"), run_shell("n2")), (None, Response(decision="deny", message="no more"))
    )
    assert [(native, response.decision) for native, response in agent.responses] == [("n1", "allow"), ("n2", "deny")]
    assert [item.is_replayed for item in bench.kept.interactions] == [False, True, False]


def test_a_question_left_open_by_a_crash_keeps_its_id_when_asked_again(bench, scripted, killed):
    async def dies_waiting(_request, listener, _agent):
        listener.begin_session("mine")
        listener.ask(*run_shell(), None)
        await until(lambda: bench.kept.pending)
        raise killed

    bench.define(agent_with())
    bench.run(dies_waiting)
    assert bench.kept.pending[0].id == "q1"
    _, agent = answering(bench, scripted, asks(run_shell("other")), ("q1", ALLOW))
    assert agent.responses == [("other", ALLOW)]
    assert len(bench.kept.interactions) == 1


def test_an_answer_given_while_nobody_waits_is_told_when_it_is_asked_again(bench, killed):
    async def dies_waiting(_request, listener, _agent):
        listener.begin_session("mine")
        listener.ask(*run_shell(), None)
        await until(lambda: bench.kept.pending)
        raise killed

    bench.define(agent_with())
    bench.run(dies_waiting)
    _, is_told = asyncio.run(bench.book.answer("q1", ALLOW, "somebody"))
    assert not is_told
    _, agent = bench.run(asks(run_shell("again")))
    assert agent.responses == [("again", ALLOW)]
    assert [item.is_replayed for item in bench.kept.interactions] == [False, True]


def test_a_fresh_start_is_asked_about_anew(bench, scripted, error):
    async def fails_after_answer(request, listener, agent):
        await asks(run_shell())(request, listener, agent)
        raise error("gone", "provider_exhaustion")

    bench.define(agent_with().replace("tool: one", "tool: one, fallback_tools: [two], max_attempts: 1"))

    async def both():
        agent = scripted(fails_after_answer, asks(run_shell("second")))
        work = asyncio.create_task(bench.go(agent))
        for response in (ALLOW, Response(decision="deny")):
            await until(lambda: bench.kept.pending)
            await bench.book.answer(None, response, None)
        await work
        return agent

    agent = asyncio.run(both())
    assert [response.decision for _, response in agent.responses] == ["allow", "deny"]
