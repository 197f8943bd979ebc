"""What `animus init` makes of ten kinds of repositories: it validates, and it runs or says what is missing."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.ci

_UNITTEST = (
    "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(VALUE, 1)\n"
)
_NOX = (
    "import nox\n\n\n@nox.session(venv_backend='none')\ndef tests(session):\n    session.run('python3', 'check.py')\n"
)
_GO = """package a

import "testing"

func TestIt(t *testing.T) {
	if VALUE != 1 {
		t.Fatal("another value")
	}
}
"""
_CHECK = {"check.py": "assert VALUE == 1\n"}


class Kind(NamedTuple):
    """A kind of repository: its files (VALUE is 1 where its test passes), what runs its test, and that program."""

    files: dict[str, str]
    command: str | None
    program: str | None = None


KINDS = {
    "pytest": Kind({"conftest.py": "", "test_a.py": "def test_it():\n    assert VALUE == 1\n"}, "python3 -m pytest"),
    "unittest": Kind({"tests/__init__.py": "", "tests/test_a.py": _UNITTEST}, "python3 -m unittest"),
    "tox": Kind(
        {"tox.ini": "[testenv]\nskip_install = true\ncommands = python check.py\n", **_CHECK}, "tox", "tox"
    ),
    "nox": Kind({"noxfile.py": _NOX, **_CHECK}, "nox", "nox"),
    "npm": Kind(
        {
            "package.json": json.dumps({"type": "module", "scripts": {"test": "node --test"}}),
            "a.test.js": "import assert from 'node:assert';\nassert.equal(VALUE, 1);\n",
        },
        "npm test",
        "npm",
    ),
    "cargo": Kind(
        {
            "Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n',
            "src/lib.rs": "#[test]\nfn it() {\n    assert_eq!(VALUE, 1);\n}\n",
        },
        "cargo test",
        "cargo",
    ),
    "go": Kind(
        {
            "go.mod": "module a\n\ngo 1.20\n",
            "a_test.go": _GO,
        },
        "go test ./...",
        "go",
    ),
    "make": Kind({"Makefile": "test:\n\t@test VALUE = 1\n"}, "make test", "make"),
    "none": Kind({"README.md": "# VALUE\n"}, None),
}  # fmt: skip
WITHOUT_PROGRAM = [name for name, kind in KINDS.items() if kind.program is not None]


class Project(NamedTuple):
    root: Path
    environ: dict[str, str]

    def write(self, kind, value):
        for name, text in kind.files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("VALUE", str(value)))

    def animus(self, *words):
        return subprocess.run(
            [str(Path(sys.executable).parent / "animus"), *words, "--json"],
            cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
            check=False,
        )  # fmt: skip

    def init(self):
        return json.loads(self.animus("init").stdout)["data"]

    def validate(self):
        done = self.animus("workflow", "config", "validate")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["data"]

    def check(self):
        """The exit code of a run, and what it says."""
        done = self.animus("workflow", "run", "--sync")
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path):
    (tmp_path / "p").mkdir()
    environ = {"HOME": str(tmp_path / "h"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # Where rustup installs a toolchain: it lies in the home of whoever runs this, and HOME is another one here.
    rustup = os.environ.get("RUSTUP_HOME", f"{pwd.getpwuid(os.getuid()).pw_dir}/.rustup")
    return Project(tmp_path / "p", environ | {"RUSTUP_HOME": rustup, "ANIMUS_FORWARD_ENV": "RUSTUP_HOME"})


@pytest.fixture(scope="session")
def runners(tmp_path_factory):
    """A folder with tox and nox, from the index."""
    place = tmp_path_factory.mktemp("runners")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, timeout=600)
    subprocess.run([str(place / "bin/pip"), "install", "-q", "tox==4.32.0", "nox==2025.11.12"], check=True, timeout=300)
    return place / "bin"


@pytest.mark.parametrize("name", KINDS)
def test_what_init_writes_for_a_repository_judges_it(name, project, request):
    kind = KINDS[name]
    if kind.program in {"tox", "nox"}:
        project.environ["PATH"] += f":{request.getfixturevalue('runners')}"
    elif kind.program in {"cargo", "go"} and shutil.which(kind.program) is None:
        pytest.skip(f"{kind.program} is not installed; what is said then has its own test")
    elif kind.program is not None:
        assert shutil.which(kind.program) is not None, f"install {kind.program}: .ci/run does so"
    subprocess.run(["git", "init", "-q", str(project.root)], check=True, timeout=60)
    project.write(kind, 1)
    said = project.init()
    assert (said["tests"] and " ".join(said["tests"]["command"])) == kind.command
    assert not any("not on PATH" in line and str(kind.program) in line for line in said["missing"])
    assert "check" in project.validate()["workflows"]
    code, text = project.check()
    if kind.command is None:
        assert any("No tests were found" in line for line in said["missing"])
        assert (code, "no tests are set up" in text) == (6, True)
        return
    assert code == 0, text
    project.write(kind, 2)
    code, text = project.check()
    assert (code, kind.command in text) == (6, True), text


@pytest.mark.parametrize("name", WITHOUT_PROGRAM)
def test_init_and_the_run_name_the_program_that_is_missing(name, project, tmp_path):
    kind = KINDS[name]
    bare = tmp_path / "bin"
    bare.mkdir()
    for program in ("git", "sh"):
        (bare / program).symlink_to(str(shutil.which(program)))
    project.environ["PATH"] = str(bare)
    project.write(kind, 1)
    missing = project.init()["missing"]
    assert f"{kind.program!r} is not on PATH; the checks need it." in missing
    project.validate()
    code, text = project.check()
    assert code == 6
    assert str(kind.program) in text
    assert "PATH" in text, text


def test_a_folder_that_is_no_repository_is_judged_and_init_says_what_it_lacks(project):
    kind = KINDS["unittest"]
    project.write(kind, 1)
    said = project.init()
    assert any("no git repository" in line for line in said["missing"])
    project.validate()
    assert project.check()[0] == 0
