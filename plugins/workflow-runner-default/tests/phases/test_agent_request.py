"""What reaches an agent of what its profile says."""

import msgspec

from animus_workflow_runner_default.phases.judge import first_word
from animus_workflow_runner_default.phases.memory import MAX_ENTRY_CHARS, MAX_NEW_ENTRIES, entries_of
from animus_workflow_runner_default.phases.redaction import Redactor

FULL = """
secrets: {hub: {env: HUB}}
mcp_servers:
  hub: {command: npx, args: ["-y", hub], env: {TOKEN: "${secret.hub}"}}
  web: {transport: http, url: "https://mcp.example/", oauth: {bearer_env: WEB}}
agents:
  a:
    tool: claude
    permission_mode: plan
    reasoning_effort: high
    sandbox: bubblewrap
    web_search: false
    extra_args: ["--flag=${EXTRA:-x}"]
    mcp_servers: [hub, web, ao]
    tool_policy: {allow: [Read], deny: [Bash]}
    persona: {style: terse, traits: [kind, careful], instructions: "Never {{guess}}."}
    memory: {enabled: true, max_context_chars: 40}
phases: {p: {mode: agent, agent: a, directive: work}}
"""


def test_the_profile_reaches_the_agent(bench):
    bench.define(FULL)
    bench.phase._environ = {"HUB": "s3cret", "WEB": "t0ken"}
    work = bench.work()
    context = work.context._replace(secrets={"hub": "HUB"})
    _, agent = bench.run("done", context=context)
    (request,) = agent.asked
    servers = dict(request.mcp_servers)
    primary = servers.pop("animus", None)
    assert primary is None  # out of reach in the sandbox
    assert servers == {
        "hub": {"command": "npx", "args": ["-y", "hub"], "env": {"TOKEN": "s3cret"}},
        "web": {"url": "https://mcp.example/", "headers": {"Authorization": "Bearer t0ken"}},
    }
    assert request.tools == {"allow": ["Read"], "deny": ["Bash"]}
    assert request.extra_args == ["--flag=x"]
    runtime = request.runtime
    assert (runtime.permission_mode, runtime.reasoning_effort, runtime.sandbox) == ("plan", "high", "bubblewrap")
    assert runtime.web_search is False
    assert "Style: terse\nTraits: kind, careful\nNever {{guess}}." in request.system_prompt
    assert "s3cret" not in request.prompt + request.system_prompt


def test_a_secret_an_agent_says_is_kept_nowhere(bench, tmp_path):
    async def leaks(_request, listener, _agent):
        listener.show("output", "the token is s3c")
        listener.show("output", "ret-value, ")
        listener.show("tool", "curl -H s3cret-value")
        return "I used s3cret-value"

    bench.define("phases: {p: {mode: agent, directive: work, runtime: {tool: one}}}")
    context = bench.work().context._replace(redactor=Redactor(["s3cret-value"]))
    outcome, _ = bench.run(leaks, context=context)
    assert outcome.outcome["answer"] == "I used [secret]"
    kept = [msgspec.json.encode(page).decode() for page in bench.pages]
    logs = [path.read_text() for path in tmp_path.glob("*.log")]
    assert logs
    assert not [text for text in (*kept, *logs, *bench.lines[2:]) if "s3cret-value" in text]


def test_an_agent_remembers_the_newest_that_fits_and_expands_nothing(bench):
    bench.define(FULL)
    bench.phase._environ = {"HUB": "s", "WEB": "t"}
    memory = ["an old thing that does not fit any more", "{{subject_id}} ${HOME}", "new\nest"]
    context = bench.work().context._replace(secrets={"hub": "HUB"})
    _, agent = bench.run("done", memory=memory, context=context)
    section = agent.asked[0].prompt.partition("Agent memory:\n")[2].partition("\n\n")[0]
    assert section.startswith("- {{subject_id}} ${HOME}\n- new est\n")
    assert '"kind": "agent_memory"' in section


def test_flags_of_a_program_follow_what_the_phase_asks(bench):
    bench.define("""
tools: {mine: {executable: agent, base_args: [run], read_only_flag: --ro, response_schema_flag: --schema}}
phases:
  p:
    mode: agent
    directive: look
    runtime: {tool: mine, extra_args: [-v]}
    capabilities: {is_review: true}
    output_json_schema: {type: object}
""")
    _, agent = bench.run('{"kind": "x"}')
    assert agent.asked[0].program == ("agent", ["run", "--ro", "--schema", '{"type":"object"}', "-v"])


def test_what_an_agent_marks_is_kept_bounded(bench):
    bench.define(FULL)
    memory = bench.config.agents["a"].memory
    lines = [f'{{"kind": "agent_memory", "text": "t{n}"}}' for n in range(MAX_NEW_ENTRIES + 5)]
    answer = "\n".join(["text", '{"kind": "other", "text": "no"}', '{"kind": "agent_memory", "text": 7}', *lines])
    kept = entries_of(memory, "p", answer, None)
    assert kept == [f"t{n}" for n in range(5, MAX_NEW_ENTRIES + 5)]
    (long,) = entries_of(memory, "p", '{"kind": "agent_memory", "text": "' + "x" * 9_999 + '"}', None)
    assert len(long) == MAX_ENTRY_CHARS


def test_the_first_word_decides_however_it_is_dressed():
    assert [
        first_word(text) for text in ("PASS", "**Pass**: fine", "fail", "", "`PASS`", "PASSABLE", "I say PASS")
    ] == [
        "PASS",
        "PASS",
        "FAIL",
        "",
        "PASS",
        "PASSABLE",
        "I",
    ]
