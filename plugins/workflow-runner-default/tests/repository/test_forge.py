"""Pull requests: a real bare repository as the remote, a forge's program that writes down what it is asked."""

import json
import sys
from pathlib import Path

import pytest

WORK = """
integrations: {git: {provider: PROVIDER}}
tools_allowlist: [sh]
workflows:
  - id: w
    phases: [impl]
    post_success: {merge: {create_pr: true, target_branch: mainMORE}}
phases:
  impl: {mode: command, capabilities: {writes_files: true}, command: {program: sh, args: [-c, "echo new > new.txt"]}}
"""
FORGE = """#!{python}
import json, pathlib, sys
home = pathlib.Path({home!r})
arguments = sys.argv[1:]
with (home / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
what = arguments[1]
if (home / f"refuse-{{what}}").exists():
    sys.exit((home / f"refuse-{{what}}").read_text())
opened = home / "opened"
if what == "list":
    print(json.dumps([{{{key!r}: opened.read_text()}}] if opened.exists() else []))
elif what == "create":
    if opened.exists():
        sys.exit("a pull request already exists")
    opened.write_text("https://forge.example/pull/7")
    print("Creating a pull request")
    print("https://forge.example/pull/7")
"""


class FakeForge:
    """The program of a forge: what it was asked, and what it refuses."""

    def __init__(self, home: Path, program: str, key: str) -> None:
        self.home, self.program = home, program
        self.bin = home / "bin"
        self.bin.mkdir(parents=True)
        script = self.bin / program
        script.write_text(FORGE.format(python=sys.executable, home=str(home), key=key))
        script.chmod(0o755)

    def refuse(self, what: str, reason: str) -> None:
        (self.home / f"refuse-{what}").write_text(reason)

    def allow(self, what: str) -> None:
        (self.home / f"refuse-{what}").unlink()

    @property
    def calls(self) -> list[list[str]]:
        file = self.home / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def remote(repository, git, tmp_path) -> Path:
    path = tmp_path / "remote.git"
    path.mkdir()
    git(path, "init", "--quiet", "--bare")
    git(repository, "remote", "add", "origin", str(path))
    return path


@pytest.fixture
def prepared(define, repository, git):
    def prepare(provider: str = "github", more: str = "") -> Path:
        define(WORK.replace("PROVIDER", provider).replace("MORE", more))
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", "definitions")
        return repository

    return prepare


@pytest.fixture
def forge(tmp_path):
    def make(program: str = "gh", key: str = "url") -> FakeForge:
        return FakeForge(tmp_path / f"forge-{program}", program, key)

    return make


@pytest.fixture
def start_with(start_host, environ):
    def start(forge: FakeForge | None):
        path = environ["PATH"] if forge is None else f"{forge.bin}:{environ['PATH']}"
        return start_host(extra={"PATH": path})

    return start


@pytest.mark.parametrize(
    "case",
    [
        ("github", "gh", "url", ["pr", "create", "--head", "BRANCH", "--base", "main", "--title", "A title", "--body"]),
        (
            "gitlab",
            "glab",
            "web_url",
            [
                "mr",
                "create",
                "--source-branch",
                "BRANCH",
                "--target-branch",
                "main",
                "--title",
                "A title",
                "--description",
            ],
        ),
    ],
)
def test_branch_is_pushed_and_its_pull_request_opened(prepared, remote, forge, start_with, git, case):
    provider, program, key, create = case
    repository, fake = prepared(provider), forge(program, key)
    before = git(repository, "rev-parse", "main")
    result = start_with(fake).execute("w", workflow_id="p1")
    assert result["workflow_status"] == "completed", result
    done = result["post_success"]
    assert (done["status"], done["url"]) == ("pull_request", "https://forge.example/pull/7")
    assert git(remote, "show", f"{done['branch']}:new.txt") == "new"
    assert git(repository, "rev-parse", "main") == before
    assert [word if word != done["branch"] else "BRANCH" for word in fake.calls[1]][: len(create)] == create
    assert "task:TASK-1" in fake.calls[1][len(create)]
    assert not Path(result["execution_cwd"]).exists(), "what is pushed needs no worktree"
    assert git(repository, "branch", "--list", "animus/*") != "", "its local branch stays until it is merged there"


def test_forge_is_asked_to_merge_by_itself_only_if_the_author_wrote_that(prepared, remote, forge, start_with):
    prepared(more=", auto_merge: true, strategy: squash")
    fake = forge()
    done = start_with(fake).execute("w", workflow_id="a1")["post_success"]
    assert fake.calls[-1] == ["pr", "merge", "https://forge.example/pull/7", "--auto", "--squash"]
    assert done["auto_merge"] == "squash"


def test_merge_that_the_forge_refuses_is_told_and_undoes_nothing(prepared, remote, forge, start_with):
    prepared(more=", auto_merge: true")
    fake = forge()
    fake.refuse("merge", "auto-merge is off for this repository")
    result = start_with(fake).execute("w", workflow_id="a2")
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "pull_request")
    assert "auto-merge is off" in result["post_success"]["auto_merge_refused"]


def test_pull_request_that_is_open_already_is_found(prepared, remote, forge, start_with):
    prepared()
    fake = forge()
    (fake.home / "opened").write_text("https://forge.example/pull/3")
    done = start_with(fake).execute("w", workflow_id="o1")["post_success"]
    assert done["url"] == "https://forge.example/pull/3"
    assert [call[1] for call in fake.calls] == ["list"]


@pytest.mark.parametrize("what", ["create", "push"])
def test_refusal_parks_the_run_and_the_next_try_finishes_it(prepared, remote, forge, start_with, git, what):
    prepared()
    fake = forge()
    hook = remote / "hooks/pre-receive"
    if what == "create":
        fake.refuse("create", "you are not logged in")
    else:
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
        hook.chmod(0o755)
    host = start_with(fake)
    parked = host.execute("w", workflow_id="r1")
    assert (parked["workflow_status"], parked["waiting"]["kind"]) == ("paused", "merge"), parked
    assert ("not logged in" if what == "create" else "protected branch") in parked["waiting"]["reason"]
    assert parked["waiting"]["command"] == "animus workflow resume r1"
    if what == "create":
        fake.allow("create")
    else:
        hook.unlink()
    assert host.signal("r1", "resume")["runnable"] is True
    done = host.call("workflow/execute", {"workflow_id": "r1"})
    assert (done["workflow_status"], done["post_success"]["status"]) == ("completed", "pull_request")


def test_missing_program_of_the_forge_is_named_before_the_first_phase(prepared, remote, start_with):
    prepared("gitlab")
    result = start_with(None).execute("w", workflow_id="m1")
    assert result["workflow_status"] == "failed"
    assert result["phase_results"] == []
    assert "needs the program 'glab', which is not on PATH" in result["reason"]
    assert "https://gitlab.com/gitlab-org/cli" in result["reason"]


def test_repository_without_a_remote_is_said_before_the_first_phase(prepared, forge, start_with):
    prepared()
    result = start_with(forge()).execute("w", workflow_id="m2")
    assert (result["workflow_status"], result["phase_results"]) == ("failed", [])
    assert "the repository has none; git remote add origin URL" in result["reason"]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("git@github.com:o/r.git", "needs the program 'gh'"),
        ("https://gitlab.example.org/o/r.git", "needs the program 'glab'"),
        ("ssh://git@forge.example:22/o/r.git", "which forge serves 'forge.example' is not known"),
    ],
)
def test_forge_is_told_by_the_address_of_the_remote(define, repository, git, start_with, address, problem):
    define(WORK.replace("integrations: {git: {provider: PROVIDER}}\n", "").replace("MORE", ""))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    git(repository, "remote", "add", "origin", address)
    result = start_with(None).execute("w", workflow_id="m3")
    assert problem in result["reason"]


def test_run_that_changed_nothing_opens_no_pull_request(define, repository, git, remote, forge, start_with):
    define(WORK.replace("PROVIDER", "github").replace("MORE", "").replace("echo new > new.txt", ":"))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    fake = forge()
    result = start_with(fake).execute("w", workflow_id="z1")
    assert (result["workflow_status"], result["post_success"]["status"]) == ("completed", "nothing_to_merge")
    assert fake.calls == []
