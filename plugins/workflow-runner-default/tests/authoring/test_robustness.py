"""Whatever is in a file: findings with places, never an exception, never a definition that cannot run."""

import random

import pytest

from animus_workflow_runner_default.authoring.model import END_TARGET, CompiledConfig

TEXT = """\
default_workflow_ref: w
tools_allowlist: [make]
tools: {t: {executable: x, base_args: [a], env: {A: "${B:-c}"}}}
daemon: {active_hours: "22:00-06:00", budget: {max_cost_usd_per_day: 1}}
secrets: {A: {env: B}}
triggers: [{id: t, type: webhook, workflow_ref: w, config: {secret_env: a}}]
schedules: [{id: s, cron: "0 8 * * *", workflow_ref: w}]
agent_channels: {c: {participants: [a]}}
agents:
  z: &z {tool: t, model: m}
  y: {<<: *z, system_prompt: hello}
phases:
  g: {mode: manual, manual: {instructions: x, timeout_secs: 5}}
  a:
    mode: agent
    agent: z
    output_contract: {kind: k, fields: {a: {type: array, items: {type: string}}}}
    retry: {max_attempts: 2, backoff: {initial_secs: 1}}
  c: {mode: command, command: {program: make, args: [x], timeout_secs: 3}}
workflows:
  - {id: w, phases: [g, {workflow_ref: v}, c], variables: [{name: a, default: b}], worktree: auto}
  - id: v
    phases:
      - a:
          skip_if: ["priority == low"]
          on_verdict:
            rework: {target: a, guard: "priority != low", allow_agent_target: true, allowed_targets: [a]}
            healthy: {target: _end}
"""
VALUES = [
    "5",
    "null",
    "[]",
    "{}",
    "true",
    '"x"',
    "[1]",
    "{a: b}",
    "${X}",
    "*z",
    "&z x",
    "<<: {a: 1}",
    "!!int x",
    "@",
    "{",
]


def damaged(text: str, random_: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(random_.randint(1, 3)):
        at = random_.randrange(len(lines))
        line = lines[at]
        words = line.split(" ")
        words[random_.randrange(len(words))] = random_.choice(VALUES)
        lines[at] = random_.choice(
            [
                "",
                line + "\n" + random_.choice(lines),
                line.split(":")[0] + ": " + random_.choice(VALUES),
                " ".join(words),
                line[: random_.randrange(len(line) + 1)],
                " " * random_.randint(0, 8) + line.strip(),
            ]
        )
    return "\n".join(lines)


def require_runnable(config: CompiledConfig) -> None:
    for workflow in config.workflows.values():
        paths = [entry.path for entry in workflow.phases]
        assert paths
        assert len(paths) == len(set(paths))
        for entry in workflow.phases:
            phase = config.phases[entry.phase_id]
            assert phase.agent is None or phase.agent in config.agents
            assert (phase.command is not None) == (phase.mode == "command")
            assert (phase.manual is not None) == (phase.mode == "manual")
            for route in entry.on_verdict.values():
                assert {route.target or END_TARGET, *route.allowed_targets} <= {END_TARGET, *paths}


@pytest.mark.parametrize("seed", range(8))
def test_damaged_file_gives_findings_and_only_runnable_workflows(project, seed):
    random_ = random.Random(seed)  # noqa: S311 - damage that can be repeated, not a secret
    for _ in range(60):
        text = damaged(TEXT, random_)
        project.write(".animus/workflows.yaml", text)
        loaded = project.load()
        assert all(found.position.line for found in loaded.diagnostics), text
        require_runnable(loaded.config)


def test_undamaged_file_is_without_an_error(project):
    project.write(".animus/workflows.yaml", TEXT)
    loaded = project.load()
    assert [str(found) for found in loaded.diagnostics if found.severity == "error"] == []
    assert set(loaded.config.workflows) == {"w", "v"}
