"""Runs seeds of the simulation: ``python tests/simulation/run.py --seeds 1-1000``, or ``--seed 7 --trace``."""

# ruff: noqa: T201 - what it prints is its result

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from animus_simulation.faults import brief, draw_plan
from animus_simulation.seeds import Verdict, run_seed

LONGEST_PROBLEM = 600


def main() -> int:
    """Run what was asked for; 1 if a seed fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, action="append", default=[], help="one seed; may be given again")
    parser.add_argument("--seeds", metavar="FROM-TO", help="both included")
    parser.add_argument("--trace", action="store_true", help="print everything that happened")
    parser.add_argument("--brief", action="store_true", help="one minute of chaos, as in the tests")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that fails")
    options = parser.parse_args()
    first, _, last = (options.seeds or "1-0").partition("-")
    seeds = [*options.seed, *range(int(first), int(last) + 1)]
    return run(seeds, options)


def run(seeds: Iterable[int], options: argparse.Namespace) -> int:
    """Run them one after the other and print what came of it."""
    began, failed, total = time.monotonic(), 0, Counter[str]()
    for seed in seeds:
        try:
            plan = brief(draw_plan(seed)) if options.brief else draw_plan(seed)
            verdict = run_seed(seed, keep_all=options.trace, plan=plan)
        except KeyboardInterrupt:
            break
        total.update({"seeds": 1, "events": verdict.events, "effects": verdict.effects}, **verdict.faults)
        if options.trace:
            print("\n".join(verdict.lines), verdict.stderr, sep="\n")
        if options.seed:
            print(f"seed {seed}: {verdict.digest}, {verdict.events} events, {verdict.virtual_seconds:.0f} s")
        if verdict.problems:
            failed += 1
            tell(verdict, " --brief" if options.brief else "")
            if not options.keep_going:
                break
    shown = ", ".join(f"{count} {name}" for name, count in total.items())
    print(f"{failed} failed; {shown}; {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


def tell(verdict: Verdict, options: str) -> None:
    """Say what is wrong and how to see it again."""
    more = f" (and {len(verdict.problems) - 1} more)" if len(verdict.problems) > 1 else ""
    print(f"seed {verdict.seed} fails: {verdict.problems[0][:LONGEST_PROBLEM]}{more}")
    print(f"  again: {verdict.repro}{options}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
