"""A twin that is broken in one point fails the checks of that point, and those that cannot hold without it."""

import tomllib
from pathlib import Path

import pytest

from animus_conformance import REQUIREMENTS, Status, run_checks
from animus_conformance.writing import PATIENCE_VARIABLE

OVERLAPS = tomllib.loads((Path(__file__).parent / "twin" / "overlaps.toml").read_text(encoding="utf-8"))
BY_ID = {requirement.id: requirement for requirement in REQUIREMENTS}


@pytest.mark.soak
@pytest.mark.parametrize("requirement_id", BY_ID)
def test_twin_fails_nothing_of_its_suite_but_what_is_on_record(twin, requirement_id, monkeypatch):
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.5")
    suite = [requirement for requirement in REQUIREMENTS if requirement.suite == BY_ID[requirement_id].suite]
    outcomes = run_checks(twin(requirement_id), suite)
    failed = {outcome.requirement_id for outcome in outcomes if outcome.status is not Status.PASSED}
    assert failed == {requirement_id, *OVERLAPS.get(requirement_id, {}).get("fails", [])}


def test_record_names_requirements_that_exist_and_says_why():
    for requirement_id, overlap in OVERLAPS.items():
        assert {requirement_id, *overlap["fails"]} <= set(BY_ID), requirement_id
        assert overlap["reason"].strip(), requirement_id
        assert overlap["fails"] == sorted(overlap["fails"]), requirement_id
        assert {BY_ID[name].suite for name in overlap["fails"]} == {BY_ID[requirement_id].suite}, requirement_id
