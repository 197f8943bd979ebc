"""Secrets by reference, with a real gpg where there is one and a stand-in for the keyring's program."""

import os
import shutil
import subprocess
import sys

import pytest

from animus_composition.secrets import SecretEnvironment, SecretUnavailableError, load_references, secrets_path
from animus_control.errors import ControlError
from animus_process import child_environment

KEYRING = """#!/bin/sh
[ "$*" = "lookup service github account me" ] && echo from-the-keyring && exit 0
exit 1
"""


@pytest.fixture
def config_dir(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    return folder


@pytest.fixture
def write(config_dir):
    def write(text):
        secrets_path(config_dir).write_text(text)
        return load_references(config_dir)

    return write


def test_without_a_file_there_are_no_references(config_dir):
    assert load_references(config_dir) == {}


@pytest.mark.parametrize("reference", ["plain text", "env:", "keyring:service", "keyring:/x", "vault:x", ""])
def test_what_is_no_reference_is_named_and_not_shown(write, reference):
    with pytest.raises(ControlError, match="the reference of 'GREETING' is none of env:NAME") as caught:
        write(f'[secrets]\nGREETING = "{reference}"\n')
    assert caught.value.category == "invalid_request"
    assert not reference or reference not in caught.value.message.replace("env:NAME", "").replace("gpg:PATH", "")


def test_only_what_a_child_may_have_is_read(write):
    references = write('[secrets]\nGREETING = "env:OTHER"\nUNREAD = "env:MISSING"\n')
    environ = SecretEnvironment({"OTHER": "value", "PATH": "/bin"}, references)
    assert child_environment(keep=["GREETING"], environ=environ)["GREETING"] == "value"
    assert "GREETING" not in child_environment(environ=environ)
    forwarding = SecretEnvironment({"OTHER": "value", "ANIMUS_FORWARD_ENV": "GREETING"}, references)
    assert child_environment(environ=forwarding)["GREETING"] == "value"


def test_variable_that_is_set_wins(write):
    environ = SecretEnvironment({"GREETING": "set", "OTHER": "value"}, write('[secrets]\nGREETING = "env:OTHER"\n'))
    assert environ["GREETING"] == "set"


def test_reference_that_leads_to_nothing_says_where_it_led(write):
    environ = SecretEnvironment({}, write('[secrets]\nGREETING = "env:OTHER"\n'))
    with pytest.raises(SecretUnavailableError, match="'GREETING' is in the variable 'OTHER', which is not set"):
        environ["GREETING"]


@pytest.mark.skipif(sys.platform == "darwin", reason="the keyring of Linux desktops")
def test_keyring_is_asked_by_service_and_account(write, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "secret-tool"
    program.parent.mkdir()
    program.write_text(KEYRING)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    environ = SecretEnvironment({}, write('[secrets]\nA = "keyring:github/me"\nB = "keyring:github/you"\n'))
    assert environ["A"] == "from-the-keyring"
    with pytest.raises(SecretUnavailableError, match="there is nothing"):
        environ["B"]
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SecretUnavailableError, match="FileNotFoundError of 'secret-tool'"):
        environ["A"]


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not on PATH")
def test_encrypted_file_is_decrypted(write, tmp_path, monkeypatch):
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    gpg = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    made = subprocess.run([*gpg, "--quick-gen-key", "t@t.invalid", "default", "default", "never"], check=False)
    if made.returncode != 0:
        pytest.skip("gpg cannot make a key here")
    file = tmp_path / "secret.gpg"
    subprocess.run(
        [*gpg, "--trust-model", "always", "-r", "t@t.invalid", "-o", str(file), "--encrypt"],
        input=b"from a file\n",
        check=True,
    )
    environ = SecretEnvironment({}, write(f'[secrets]\nA = "gpg:{file}"\nB = "gpg:{file}.not"\n'))
    assert environ["A"] == "from a file"
    with pytest.raises(SecretUnavailableError, match="'B' cannot be read"):
        environ["B"]
    subprocess.run(["gpgconf", "--kill", "all"], check=False)
