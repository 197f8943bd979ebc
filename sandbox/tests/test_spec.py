import os
from pathlib import Path

import pytest

from animus_sandbox import Limits, Route, SandboxSpec, SandboxSpecError, Secret, Upstream
from animus_sandbox.spec import checked, refuse_keys


def test_paths_become_real(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    spec = checked(SandboxSpec(tmp_path / "link", readable=(tmp_path / "link", tmp_path / "real")))
    assert spec.worktree == tmp_path / "real"
    assert spec.readable == (tmp_path / "real",)


@pytest.mark.parametrize("place", ["/", "/home", "/root", "/etc", "/etc/ssl", "/usr/bin", "/proc/self", "/dev", "/tmp"])
def test_place_that_holds_too_much_is_refused(tmp_path, place):
    for field in ("readable", "writable"):
        with pytest.raises(SandboxSpecError):
            checked(SandboxSpec(tmp_path, **{field: (Path(place),)}))


def test_home_and_what_holds_it_is_refused_and_a_folder_in_it_is_not(tmp_path):
    home = Path(os.environ["HOME"])
    for place in (home, home.parent):
        with pytest.raises(SandboxSpecError, match="more than an agent may see"):
            checked(SandboxSpec(place))
    (home / "project").mkdir()
    assert checked(SandboxSpec(home / "project")).worktree == home / "project"


def test_missing_and_relative_paths_are_refused(tmp_path):
    with pytest.raises(SandboxSpecError, match="no folder"):
        checked(SandboxSpec(tmp_path / "none"))
    with pytest.raises(SandboxSpecError, match="cannot be opened"):
        checked(SandboxSpec(tmp_path, readable=(tmp_path / "none",)))
    with pytest.raises(SandboxSpecError, match="not absolute"):
        checked(SandboxSpec(tmp_path, readable=(Path("x"),)))


@pytest.mark.parametrize("name", ["memory_bytes", "processes", "open_files", "cpu_seconds", "tmp_bytes"])
def test_limit_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(SandboxSpecError, match=name):
        checked(SandboxSpec(tmp_path, limits=Limits(**{name: 0})))


def test_key_is_not_taken_inside(tmp_path):
    upstream = Upstream("http://x", (Route("POST", "/x"),), Secret("sk-real"))
    spec = SandboxSpec(tmp_path, environment={"A": "Bearer sk-real"}, upstreams=(upstream,))
    with pytest.raises(SandboxSpecError, match="must stay outside") as error:
        checked(spec)
    assert "sk-real" not in str(error.value)
    with pytest.raises(SandboxSpecError, match="the command line"):
        refuse_keys(spec, ["--key=sk-real"], "the command line")
