"""What reading definitions costs against plain PyYAML: with the place of every value, and the whole load.

Run with `.venv/bin/python bench/yaml_load.py [FILE ...]`; files are measured besides the ones made here. The goal is
at most 1.25 times `yaml.load(..., CSafeLoader)`, which gives plain data and no places at all. *places* is the same data
with line and column of each key and value, duplicate keys found; *whole load* adds what PyYAML has no word for:
interpolation, types, unknown keys, references, expansion of workflows, the digest.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from animus_workflow_runner_default.authoring.document import compose
from animus_workflow_runner_default.authoring.loading import load

GOAL = 1.25
ROUNDS = 60
AGENTS = "agents:\n  coder: {tool: claude, model: claude-sonnet-4-6}\n"
PHASES = """\
  check-%(n)d:
    mode: command
    directive: Run step %(n)d
    command:
      program: pytest
      args: ["-q", "tests/test_%(n)d.py"]
      cwd_mode: task_root
      timeout_secs: 300
  write-%(n)d:
    mode: agent
    agent: coder
    directive: |
      Do the thing number %(n)d, and nothing else.
      Then say what you did.
    capabilities:
      writes_files: true
"""
WORKFLOW = """\
  - id: flow-%(n)d
    name: "Flow %(n)d"
    phases:
      - write-%(n)d
      - check-%(n)d:
          max_rework_attempts: 3
          on_verdict:
            rework: {target: write-%(n)d}
"""


def definitions(count: int) -> str:
    phases = "".join(PHASES % {"n": n} for n in range(count))
    return f"{AGENTS}phases:\n{phases}workflows:\n" + "".join(WORKFLOW % {"n": n} for n in range(count))


def best_ms(work: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times) * 1000


def measured(name: str, text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".animus" / "workflows.yaml"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        assert load(Path(folder), [], {}).config.workflows
        plain = best_ms(lambda: yaml.load(text, yaml.CSafeLoader))
        composed = best_ms(lambda: compose(text, "f.yaml"))
        whole = best_ms(lambda: load(Path(folder), [], {}))
    cells = (name, text.count("\n"), f"{plain:.2f}", f"{composed:.2f}", f"{composed / plain:.2f}")
    return f"| {' | '.join(map(str, (*cells, f'{whole:.2f}', f'{whole / plain:.2f}', GOAL)))} |"


def main() -> None:
    print("| definitions | lines | CSafeLoader ms | places ms | ratio | whole load ms | ratio | goal |")
    print("|---|---|---|---|---|---|---|---|")
    for count in (5, 20, 100):
        print(measured(f"{count} workflows, made here", definitions(count)))
    for name in sys.argv[1:]:
        file = Path(name)
        print(measured("/".join(file.parts[-2:]), file.read_text("utf-8")))


if __name__ == "__main__":
    main()
