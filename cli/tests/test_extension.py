from pathlib import Path

import pytest

GREETING = """
import click

@click.group("chat")
def group():
    "Talk to an agent."

@group.command()
def hello():
    click.echo("hello from another wheel")
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A search path with a wheel that adds ``chat`` and one whose ``broken`` cannot be imported."""
    site = tmp_path / "site"
    for name, code in (("chat", GREETING), ("broken", "raise RuntimeError('no such luck')")):
        (site / f"animus_{name}").mkdir(parents=True)
        (site / f"animus_{name}" / "__init__.py").write_text(code)
        info = site / f"animus_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: animus-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[animus.commands]\n{name} = animus_{name}:group\n")
    return site


def test_a_group_of_another_wheel_is_a_command(animus, wheels):
    answer = animus("chat", "hello", PYTHONPATH=str(wheels))
    assert (answer.code, answer.out) == (0, "hello from another wheel\n")


def test_the_help_page_names_other_wheels_commands_without_loading_them(animus, wheels):
    answer = animus("--help", PYTHONPATH=str(wheels))
    assert answer.code == 0
    assert "chat" in answer.out
    assert "broken" in answer.out


def test_a_broken_wheel_is_reported_and_changes_nothing_else(animus, wheels):
    answer = animus("broken", PYTHONPATH=str(wheels))
    assert answer.code == 5
    assert "'animus-broken', which cannot be loaded: RuntimeError: no such luck" in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
    assert animus("version", PYTHONPATH=str(wheels)).code == 0


def test_names_of_other_wheels_are_suggested(animus, wheels):
    assert "Did you mean 'chat'?" in animus("chta", PYTHONPATH=str(wheels)).err
