"""Every error names what to type next, whatever its category and whichever command it ends."""

import pytest

from animus_cli.entry import command_tree
from animus_cli.failure import EXIT_CODES, CommandError
from animus_cli.program import command_error, with_next_step
from animus_control.errors import CATEGORIES, ControlError
from animus_control.operations import OPERATIONS

SHOWN = sorted(operation.name for operation in OPERATIONS.values() if operation.command)
NOWHERE = {
    "subject": "task:TASK-999",
    "queue": "entry-nowhere",
    "workflow": "run-nowhere",
    "plugin": "nowhere",
}
"""What no project has, by noun."""


def is_command(step):
    words = step.split()
    places = command_tree()
    return words[0] == "animus" and any(tuple(words[1 : 1 + depth]) in places for depth in (1, 2, 3))


def names_a_group(step):
    words = tuple(step.split()[1:-1])
    return step.endswith("--help") and any(place[: len(words)] == words for place in command_tree())


@pytest.mark.parametrize("place", sorted(command_tree()), ids=" ".join)
def test_a_bare_error_of_every_category_gets_a_next_step(place):
    for category in CATEGORIES:
        failed = with_next_step(command_error(ControlError(category, "it did not work")), place)
        if failed.code == "internal":
            assert "ANIMUS_DEBUG=1" in failed.next_step
        else:
            assert is_command(failed.next_step) or names_a_group(failed.next_step)
        assert failed.record()["details"]["remediation"]["next_step"] == failed.next_step


@pytest.mark.parametrize("code", EXIT_CODES)
def test_an_error_without_a_command_gets_a_next_step_too(code):
    assert with_next_step(CommandError(code, "m"), ["--bogus"]).next_step


def test_a_step_that_came_with_the_error_is_kept():
    error = ControlError("not_found", "no such run", next_step="animus workflow list")
    assert with_next_step(command_error(error), ["queue", "list"]).next_step == "animus workflow list"


@pytest.fixture(scope="module")
def served(shared):
    return shared("default_workflow_ref: gated\nworkflows: [{id: gated, worktree: skip, phases: [g]}]\n"
                  "phases: {g: {mode: manual, manual: {instructions: Look.}}}\n")  # fmt: skip


def _words(operation):
    """The operation's command with something that does not exist for each of its arguments."""
    some = {"status": "done", "ids": "entry-nowhere", "method": "x/y", "number": "1", "definition": "nowhere",
            "path": "nowhere", "name": "nowhere"}  # fmt: skip
    noun = operation.command[0]
    words = [*operation.command, *(some.get(field, NOWHERE.get(noun, "nowhere")) for field in operation.arguments)]
    extra = {"queue/enqueue": ["--subject", "task:TASK-999"], "subject/create": ["--title", " "]}
    return words + extra.get(operation.name, [])


ASKING = {"queue/reorder", "plugin/search", "plugin/install"}
"""What is not there is no fault: reordering and searching answer what they found, installing says what it would do."""
NAMING = [name for name in SHOWN if (OPERATIONS[name].arguments or "create" in name) and name not in ASKING]


@pytest.mark.parametrize("name", NAMING)
def test_what_does_not_exist_is_refused_with_the_next_command(served, name):
    answer = served(*_words(OPERATIONS[name]), "--json")
    assert answer.code in {2, 3, 4, 5}, answer
    remediation = answer.error["details"]["remediation"]
    assert remediation.get("next_step") or remediation.get("install_command")


@pytest.mark.parametrize("name", SHOWN)
def test_an_unknown_option_is_refused_with_the_help_page(served, name):
    answer = served(*OPERATIONS[name].command, "--bogus", "--json")
    assert answer.code == 2
    assert answer.error["details"]["remediation"]["next_step"].endswith("--help")
