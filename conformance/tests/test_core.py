import pytest

from animus_conformance import REQUIREMENTS, Status, run_checks

BY_ID = {requirement.id: requirement for requirement in REQUIREMENTS}


@pytest.mark.parametrize("requirement_id", BY_ID)
def test_sound_plugin_passes(twin, requirement_id):
    (outcome,) = run_checks(twin(), [BY_ID[requirement_id]])
    assert (outcome.status, outcome.detail) == (Status.PASSED, "")


@pytest.mark.parametrize("requirement_id", BY_ID)
def test_twin_that_is_broken_in_one_point_fails_the_check_of_it(twin, requirement_id):
    (outcome,) = run_checks(twin(requirement_id), [BY_ID[requirement_id]])
    assert outcome.status is Status.FAILED
    assert outcome.detail


def test_stray_print_is_found_and_shown(twin):
    (outcome,) = run_checks(twin("stray-print"), [BY_ID["ping:answered"]])
    assert outcome.status is Status.FAILED
    assert "is no frame: 'hello" in outcome.detail


def test_ids_are_unique_and_name_area_and_feature():
    assert len(BY_ID) == len(REQUIREMENTS)
    assert all(len(requirement_id.split(":")) == 2 for requirement_id in BY_ID)
