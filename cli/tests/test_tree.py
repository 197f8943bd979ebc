import importlib

import click
import pytest

from animus_cli.entry import command_tree
from animus_cli.help_tree import OTHER, SECTIONS, sections_of
from animus_cli.invocation import Invocation
from animus_cli.render import RENDERERS
from animus_cli.tree import HANDWRITTEN, root_group
from animus_control.operations import OPERATIONS


def find(place):
    context = click.Context(root_group(), info_name="animus", obj=Invocation())
    command = context.command
    for word in place:
        command = command.get_command(context, word)
        assert command is not None, place
        context = click.Context(command, info_name=word, parent=context)
    return command, context


@pytest.mark.parametrize("place", sorted(command_tree()), ids=" ".join)
def test_help_of_every_command_renders(place):
    command, context = find(place)
    text = command.get_help(context)
    assert f"Usage: animus {' '.join(place)}" in text
    assert "--json" in text
    assert "--project-root" in text


@pytest.mark.parametrize("place", sorted(command_tree()), ids=" ".join)
def test_every_command_is_in_the_help_page_above_it(place):
    command, context = find(place[:-1])
    assert f"\n  {place[-1]} " in command.get_help(context)


@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS.values() if operation.command], ids=lambda row: row.name
)
def test_every_operation_with_a_command_has_one_and_a_renderer(operation):
    assert operation.command in command_tree()
    module, _, function = RENDERERS[operation.name].partition(":")
    assert callable(getattr(importlib.import_module(f"animus_cli.render.{module}"), function))


def test_no_renderer_is_left_without_its_operation():
    assert set(RENDERERS) <= set(OPERATIONS)


def test_written_commands_do_not_hide_generated_ones():
    assert not set(HANDWRITTEN) & {operation.command for operation in OPERATIONS.values()}


@pytest.mark.parametrize("words", [[], ["queue"], ["workflow", "phase"], ["--json", "queue"]])
def test_a_group_alone_prints_its_help(animus, words):
    answer = animus(*words)
    assert answer.code == 0
    assert ("Commands:" if "queue" in words or "workflow" in words else "Begin:") in answer.out


def test_the_whole_tree_is_printed_with_what_each_command_does(animus):
    lines = animus("--tree").out.splitlines()
    assert lines[0] == "animus"
    assert len(lines) > len(command_tree())
    assert any(line.startswith(("│  ├─ list ", "│  └─ list ")) for line in lines)
    assert all(len(line.split("─ ", 1)[1].split(maxsplit=1)) == 2 for line in lines[1:])


def test_every_name_stands_in_one_section_of_the_first_help_page():
    names = {place[0] for place in command_tree()}
    sections = sections_of([*names, "stranger"])
    assert sorted(name for group in sections.values() for name in group) == sorted([*names, "stranger"])
    assert sections[OTHER] == ["stranger"]
    assert set(sections) - {OTHER} == set(SECTIONS)


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["workflw"], "workflow"),
        (["queue", "lst"], "list"),
        (["workflow", "phase", "aprove"], "approve"),
        (["daemon", "statsu"], "status"),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest_one(animus, words, nearest):
    answer = animus(*words)
    assert answer.code == 2
    assert f"Did you mean {nearest!r}?" in answer.err
    assert f"next:  animus {' '.join(words[:-1])}".rstrip() in answer.err
    assert answer.out == ""


def test_errors_are_envelopes_on_stderr_when_json_is_asked_for_anywhere(animus):
    for words in (["--json", "queue", "lst"], ["queue", "--json", "lst"], ["queue", "list", "--bogus", "--json"]):
        answer = animus(*words)
        assert answer.code == 2
        assert answer.out == ""
        assert answer.error["code"] == "invalid_input"
        assert answer.error["exit_code"] == 2
        assert answer.error["details"]["remediation"]["kind"] == "invalid_input"


def test_the_project_root_has_to_be_a_directory(animus, tmp_path):
    for words in (["--project-root", "/nowhere", "status"], ["status", "--project-root", "/nowhere"]):
        answer = animus(*words)
        assert answer.code == 2
        assert "'/nowhere' is not a directory" in answer.err
