"""Writes docs/corpus-paths.md: ``python docs/generate_corpus_paths.py FOLDER``, FOLDER holding published projects.

Every path is driven for it, which takes about a minute. Without a folder the rows of published projects stay as they
are and only those of the projects in the tests are driven again.
"""  # noqa: INP001 - a script, not a module of a package

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

__all__ = ["PAGE", "main"]

PAGE = Path(__file__).with_name("corpus-paths.md")
CORPUS = Path(__file__).parent.parent / "plugins" / "workflow-runner-default" / "tests" / "corpus"
_PUBLISHED = "\n## Published projects\n\n"
_OWN = "\n## Odd habits\n\n"
_HEAD = """\
<!-- Written by docs/generate_corpus_paths.py; the tests drive the second table again. -->
# Workflow files, driven to their ends

Every workflow of every project, loaded unedited. At each phase each verdict it may return is returned once, in a run of
its own: the runner with its journal, its worktrees and its merges. A run goes to its phase by the shortest way, returns
the verdict there the first time it comes by, and advances everywhere else. An agent may return the four verdicts and
those of its own `on_verdict`, a gate is approved or rejected, a command returns what its exit codes mean, or anything
where its output is parsed. Scripted are the agents, and the programs of command phases: they name what is not installed
here.

Each run ended as a model of the rules says, which is written from the documents and not from the engine; no run is
left over.
"""
_TABLE = "| project | workflow | phases | paths | {ends} |\n|{rule}|\n"
_AFTER = """
Anchors and merge keys, overlays, workflows in workflows, invented verdicts, names in every script, interpolation,
JSON, document marks, gates and merges: `plugins/workflow-runner-default/tests/corpus/projects`.
"""


def main(arguments: list[str]) -> int:
    """Drive the projects and write the page; returns the exit code, 1 if a run ended as it should not."""
    driving = _load()
    wrong: list[str] = []
    published = list(_rows(driving, Path(arguments[0]), wrong)) if arguments else _kept()
    own = list(_rows(driving, CORPUS / "projects", wrong))
    sys.stdout.write("".join(f"{story}\n" for story in wrong))
    head = _TABLE.format(ends=" | ".join(driving.ENDS), rule="---|" * (3 + len(driving.ENDS)) + "---")
    tables = [head + "".join(f"{row}\n" for row in rows) for rows in (published, own)]
    total = sum(int(row.split("|")[4]) for row in (*published, *own))
    text = f"{_HEAD.rstrip()} {total} paths.\n{_PUBLISHED}{tables[0]}{_OWN.rstrip()}\n{_AFTER}\n{tables[1]}"
    PAGE.write_text(text, encoding="utf-8")
    return int(bool(wrong))


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_driving", CORPUS / "driving.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(CORPUS)
    module = sys.modules["corpus_driving"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rows(driving: ModuleType, folder: Path, wrong: list[str]) -> Iterator[str]:
    for source in driving.projects(folder):
        with tempfile.TemporaryDirectory() as home:
            went = driving.driven(driving.copied(source, Path(home)), Path(home))
        wrong += [item.story for item in went if not item.is_as_meant]
        yield from driving.rows(source.name, went)


def _kept() -> list[str]:
    table = PAGE.read_text(encoding="utf-8").partition(_PUBLISHED)[2].partition(_OWN)[0]
    return [line for line in table.splitlines() if line.startswith("| ")][1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
