"""A project below a temporary directory."""

import pytest

from animus_control.project import Project


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, "project-000000000000", tmp_path / "a" / "project-000000000000", tmp_path / "a")
