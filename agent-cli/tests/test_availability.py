import pytest

from animus_agent_cli.availability import AvailabilityProbe, version_in


@pytest.fixture
def install(tmp_path):
    """A program that prints what it is given, and an environment in which it is found."""

    def make(script: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "toy"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return {"PATH": f"{folder}:/usr/bin:/bin", "TOY_PROGRAM": ""}

    return make


@pytest.fixture
def probe(toy_facts, monkeypatch):
    """Waits for a version longer than any load makes a shell take."""
    monkeypatch.setattr("animus_agent_cli.availability.PROBE_WAIT_SECONDS", 60.0)
    return AvailabilityProbe(toy_facts._replace(program="toy", minimum_version=(2, 1, 0)))


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.1.329 (Claude Code)", (2, 1, 329)), ("codex-cli 0.169.0\n", (0, 169, 0)), ("v3.4", (3, 4, 0)), ("none", None)],
)
def test_version_is_the_first_number_that_looks_like_one(text, version):
    assert version_in(text) == version


def test_program_that_is_new_enough_can_be_tried(probe, install, ledger):
    found = probe.look(install('[ "$1" = --version ] && echo "2.1.329 (Toy)"'), ledger)
    assert (found.version, found.blocker, found.warning) == ("2.1.329", None, None)
    assert ledger.load() == ([], [])


def test_program_that_is_missing_is_named_with_how_to_get_it(probe, ledger):
    found = probe.look({"PATH": "/nowhere"}, ledger)
    assert "'toy' is not in PATH" in found.blocker
    assert found.blocker.endswith("get a toy")


def test_program_that_is_too_old_is_said_with_both_versions(probe, install, ledger):
    found = probe.look(install("echo 1.9.9"), ledger)
    assert found.blocker.endswith("is version 1.9.9, at least 2.1.0 is needed")


def test_program_that_prints_no_version_is_no_such_program(probe, install, ledger):
    assert "printed no version but 'hello'" in probe.look(install("echo hello"), ledger).blocker


def test_missing_login_is_a_warning(toy_facts, install, ledger):
    probe = AvailabilityProbe(toy_facts._replace(program="toy", find_credentials=lambda environment: "no key"))
    assert probe.look(install("echo 2.2.0"), ledger).warning == "no key"


def test_program_that_hangs_holds_up_the_answer_only_briefly(probe, install, ledger, monkeypatch):
    monkeypatch.setattr("animus_agent_cli.availability.PROBE_WAIT_SECONDS", 0.05)
    found = probe.look(install("exec sleep 600"), ledger)
    assert (found.version, found.blocker) == (None, None)
    probe.close()
    assert ledger.load()[1] == []


def test_version_is_asked_for_once_until_the_program_changes(probe, install, ledger, tmp_path):
    environment = install(f"echo x >> {tmp_path}/asked; echo 2.2.0")
    for _ in range(3):
        assert probe.look(environment, ledger).version == "2.2.0"
    assert (tmp_path / "asked").read_text() == "x\n"
    install("echo 2.30.0")
    assert probe.look(environment, ledger).version == "2.30.0"
