"""The cheap answers are the typed ones, and cost next to nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from animus_control.endpoint import socket_path
from animus_control.location import MAX_SOCKET_PATH_BYTES, checkout_of, config_dir_of, scope_of, socket_path_in
from animus_control.project import find_project

HEAVY = {"pathlib", "re", "hashlib", "typing", "collections.abc", "enum", "msgspec"}


def test_nothing_heavy_is_loaded():
    program = "import sys, animus_control.location as l; l.scope_of('/x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("name", ["plain", "With Blanks & more", "Ünïcode", "---", "a" * 90])
def test_both_ways_lead_to_the_same_socket(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    environ = {"ANIMUS_CONFIG_DIR": str(tmp_path / "a")}
    project = find_project(folder, environ)
    _, identity = checkout_of(str(folder.resolve()))
    address = socket_path_in(f"{config_dir_of(environ)}/{scope_of(identity)}")
    assert address == str(socket_path(project))
    assert len(address) <= MAX_SOCKET_PATH_BYTES


def test_the_home_is_where_nothing_else_is_said(monkeypatch, tmp_path):
    assert config_dir_of({"HOME": "/home/me"}) == "/home/me/.animus"
    monkeypatch.chdir(tmp_path)
    assert Path(config_dir_of({"ANIMUS_CONFIG_DIR": "here/"})) == tmp_path / "here"


def test_a_folder_below_a_checkout_belongs_to_it(tmp_path):
    (tmp_path / ".git").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert checkout_of(str(below.resolve())) == (str(tmp_path.resolve()),) * 2
