"""Every check passes a sound plugin and finds the one that is broken in its point."""

import pytest

from animus_conformance import REQUIREMENTS, Status, run_checks
from animus_conformance.writing import PATIENCE_VARIABLE

BY_ID = {requirement.id: requirement for requirement in REQUIREMENTS}


@pytest.mark.parametrize("requirement_id", BY_ID)
def test_sound_plugin_passes(twin, requirement_id):
    (outcome,) = run_checks(twin(concerns=requirement_id), [BY_ID[requirement_id]])
    assert (outcome.status, outcome.detail) == (Status.PASSED, "")


@pytest.mark.parametrize("requirement_id", BY_ID)
def test_twin_that_is_broken_in_one_point_fails_the_check_of_it(twin, requirement_id, monkeypatch):
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.4")  # a twin that is deaf on purpose is not waited for long
    (outcome,) = run_checks(twin(requirement_id, concerns=requirement_id), [BY_ID[requirement_id]])
    assert outcome.status is Status.FAILED, outcome.detail
    assert outcome.detail


def test_ids_are_unique_and_name_area_and_feature():
    assert len(BY_ID) == len(REQUIREMENTS)
    assert all(len(requirement_id.split(":")) in {2, 3} for requirement_id in BY_ID)
