"""A project below a temporary directory."""

import pytest

from animus_control.project import find_project


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "p"
    root.mkdir()
    return find_project(root, {"ANIMUS_CONFIG_DIR": str(tmp_path / "a")})
