"""Every listing comes in pages."""

import json

import click
import pytest

from animus_cli.entry import command_tree
from animus_cli.invocation import Invocation
from animus_cli.tree import root_group

OTHERS = [("history",), ("queue", "history"), ("workflow", "decisions"), ("output", "phase-outputs")]
LISTINGS = [*sorted(place for place in command_tree() if place[-1] == "list"), *OTHERS]
ONE_PAGE_OF_TAIL = [("daemon", "events"), ("daemon", "logs"), ("output", "read")]
"""Ends of what grows; more of it is asked for with a larger limit."""


def options_of(place):
    context = click.Context(root_group(), info_name="animus", obj=Invocation())
    command = context.command
    for word in place:
        command = command.get_command(context, word)
        context = click.Context(command, info_name=word, parent=context)
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("place", LISTINGS, ids=" ".join)
def test_a_listing_has_a_limit_and_a_way_to_the_next_page(place):
    options = options_of(place)
    assert "--limit" in options
    assert options & {"--offset", "--cursor"}


@pytest.mark.parametrize("place", ONE_PAGE_OF_TAIL, ids=" ".join)
def test_a_tail_has_a_limit(place):
    assert "--limit" in options_of(place)


@pytest.mark.parametrize(("words", "key"), [(("plugin", "list"), "plugins"), (("flavor", "list"), "flavors"),
                                            (("pack", "list"), "packs")])  # fmt: skip
def test_installed_things_are_listed_in_pages(animus, flavor, words, key):
    everything = animus(*words, "--json").data
    assert everything["total"] == len(everything[key])
    first = animus(*words, "--limit", "1", "--json").data
    assert first[key] == everything[key][:1]
    assert first["total"] == everything["total"]
    beyond = animus(*words, "--offset", str(everything["total"]), "--json").data
    assert beyond[key] == []
    if everything["total"] > 1:
        assert "more with --offset" in animus(*words, "--limit", "1").out


def test_the_queue_is_written_down_and_taken_in_elsewhere(animus, project, flavor, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / ".animus").mkdir()
    (project / ".animus" / "workflows.yaml").write_text(
        "workflows: [{id: w, worktree: skip, phases: [p]}]\nphases: {p: {mode: command, command: {program: 'true'}}}\n"
    )
    entries = [animus("workflow", "run", "w", "--json").data["entry_id"] for _ in range(3)]
    document = tmp_path / "queue.json"
    assert animus("queue", "export", "--file", str(document), "--json").data["entries"] == 3
    assert json.loads(document.read_text())["format_version"] == 1
    assert len(animus("queue", "export", "--json").data["entries"]) == 3
    assert animus("queue", "drop", *entries, "--json").data["changed"] == entries
    gone = animus("queue", "history", "--json").data["entries"]
    assert {row["entry_id"] for row in gone} == set(entries)
    assert animus("queue", "history", "--limit", "1", "--json").data["next_offset"] == 1
    assert animus("queue", "import", "--file", str(document), "--json", cwd=elsewhere).data["imported"] == 3
    assert [row["id"] for row in animus("queue", "list", "--json", cwd=elsewhere).data["entries"]] == entries
    assert "left out" in animus("queue", "import", "--file", str(document)).out
    refused = animus("queue", "import", "--file", str(project / ".animus" / "workflows.yaml"))
    assert refused.code == 2
    assert "next:  animus queue export" in refused.err


def test_many_entries_are_held_released_and_dropped_at_once(animus, project, flavor):
    (project / ".animus").mkdir()
    (project / ".animus" / "workflows.yaml").write_text(
        "workflows: [{id: w, worktree: skip, phases: [p]}]\nphases: {p: {mode: command, command: {program: 'true'}}}\n"
    )
    entries = [animus("workflow", "run", "w", "--json").data["entry_id"] for _ in range(2)]
    asked = animus("queue", "hold", "--all", "--json")
    assert asked.code == 2
    assert asked.error["details"]["remediation"]["next_step"] == "animus queue hold --all --yes"
    assert animus("queue", "hold", "--all", "--yes", "--json").data["changed"] == entries
    partly = animus("queue", "release", entries[0], "entry-nowhere", "--json")
    assert partly.code == 3
    assert partly.error["details"]["changed"] == [entries[0]]
    assert [row["id"] for row in partly.error["details"]["failed"]] == ["entry-nowhere"]
    assert animus("queue", "drop", "--all", "--yes", "--json").data["changed"] == entries
    assert animus("queue", "drop").code == 2
