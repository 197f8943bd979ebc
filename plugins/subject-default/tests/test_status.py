from itertools import product

import pytest

from animus_subject_default.status import ALLOWED_CHANGES, Status, may_change

REFUSED = {(Status.CANCELLED, Status.IN_PROGRESS), (Status.CANCELLED, Status.BLOCKED)}


@pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
def test_every_change_is_allowed_but_those_that_bring_back_what_was_called_off(old, new):
    assert may_change(old, new) is ((old, new) not in REFUSED)


def test_every_status_has_its_row():
    assert set(ALLOWED_CHANGES) == set(Status)
