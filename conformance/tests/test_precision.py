"""A twin that is broken in one point fails the checks of that point, and those that cannot hold without it."""

import tomllib
from pathlib import Path

import pytest

from animus_conformance import REQUIREMENTS, Status, run_checks
from animus_conformance.writing import PATIENCE_VARIABLE

OVERLAPS = tomllib.loads((Path(__file__).parent / "twin" / "overlaps.toml").read_text(encoding="utf-8"))
BY_ID = {requirement.id: requirement for requirement in REQUIREMENTS}


ASKS = {"provider:respond:unknown", "provider:interaction:answered"}
ASKS_NOBODY = {"provider:run:approvals"}
"""A twin can ask a person or it cannot: what the other kind of twin owes does not concern it."""


@pytest.mark.soak
@pytest.mark.parametrize("requirement_id", BY_ID)
def test_twin_fails_nothing_of_its_suite_but_what_is_on_record(twin, requirement_id, monkeypatch):
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.5")
    suite = [requirement for requirement in REQUIREMENTS if requirement.suite == BY_ID[requirement_id].suite]
    outcomes = run_checks(twin(requirement_id, concerns=requirement_id), suite)
    foreign = ASKS if requirement_id in ASKS_NOBODY else ASKS_NOBODY
    failed = {outcome.requirement_id for outcome in outcomes if outcome.status is not Status.PASSED} - foreign
    record = OVERLAPS.get(requirement_id, {})
    assert failed - {*record.get("may_fail", [])} == {requirement_id, *record.get("fails", [])}


def test_record_names_requirements_that_exist_and_says_why():
    for requirement_id, overlap in OVERLAPS.items():
        named = [*overlap["fails"], *overlap.get("may_fail", [])]
        assert {requirement_id, *named} <= set(BY_ID), requirement_id
        assert overlap["reason"].strip(), requirement_id
        assert overlap["fails"] == sorted(overlap["fails"]), requirement_id
        assert {BY_ID[name].suite for name in named} == {BY_ID[requirement_id].suite}, requirement_id
