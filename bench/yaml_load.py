"""What reading definitions costs: the whole load (positions, keys, types, expansion, digest) against plain PyYAML.

Run with `uv run python bench/yaml_load.py`. The goal: at most 1.25 times `yaml.load(..., CSafeLoader)`, which gives
plain data and no places at all.
"""

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


def main() -> None:
    print("| definitions | lines | CSafeLoader ms | compose ms | ratio | whole load ms | ratio | goal |")
    print("|---|---|---|---|---|---|---|---|")
    for count in (5, 20, 100):
        text = definitions(count)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / ".animus" / "workflows.yaml"
            file.parent.mkdir()
            file.write_text(text, encoding="utf-8")
            loaded = load(Path(folder), [], {})
            assert len(loaded.config.workflows) == count
            plain = best_ms(lambda text=text: yaml.load(text, yaml.CSafeLoader))
            composed = best_ms(lambda text=text: compose(text, "f.yaml"))
            whole = best_ms(lambda folder=folder: load(Path(folder), [], {}))
        cells = (count, text.count("\n"), f"{plain:.2f}", f"{composed:.2f}", f"{composed / plain:.2f}")
        print("|", " | ".join(map(str, (*cells, f"{whole:.2f}", f"{whole / plain:.2f}", GOAL))), "|")


if __name__ == "__main__":
    main()
