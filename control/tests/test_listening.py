"""The place of the control socket is private before it is used."""

import os

import pytest

from animus_control.endpoint import MAX_SOCKET_PATH_BYTES
from animus_control.errors import ControlError
from animus_control.listening import prepare_endpoint


def test_long_path_moves_to_a_directory_that_is_ours_alone(project, monkeypatch, tmp_path):
    monkeypatch.setattr("animus_control.location._SHORT_ROOT", str(tmp_path))
    far = project._replace(state_dir=project.state_dir / ("x" * MAX_SOCKET_PATH_BYTES))
    path = prepare_endpoint(far)
    assert path.parent.parent == tmp_path / f"animus-{os.getuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / "origin-path.txt").read_text() == f"{far.state_dir / 'control.sock'}\n"


def test_short_directory_that_is_open_to_others_is_refused(project, monkeypatch, tmp_path):
    monkeypatch.setattr("animus_control.location._SHORT_ROOT", str(tmp_path))
    (tmp_path / f"animus-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"animus-{os.getuid()}").chmod(0o777)
    far = project._replace(state_dir=project.state_dir / ("x" * MAX_SOCKET_PATH_BYTES))
    with pytest.raises(ControlError, match="mode 0700") as caught:
        prepare_endpoint(far)
    assert caught.value.category == "permission_denied"


def test_short_directory_that_is_a_link_is_refused(project, monkeypatch, tmp_path):
    monkeypatch.setattr("animus_control.location._SHORT_ROOT", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"animus-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    far = project._replace(state_dir=project.state_dir / ("x" * MAX_SOCKET_PATH_BYTES))
    with pytest.raises(ControlError, match="mode 0700"):
        prepare_endpoint(far)
