import pytest

from animus_composition.scaffold.files import AGENT_PATH, MANIFEST_PATH, WORKFLOWS_PATH

FILES = [MANIFEST_PATH, WORKFLOWS_PATH, AGENT_PATH]
REPOSITORIES = {
    "pytest-ruff": {"pyproject.toml": "[tool.pytest.ini_options]\n[tool.ruff]\nline-length = 100\n"},
    "uv-pytest": {"pyproject.toml": "[tool.pytest]\n", "uv.lock": "", "ruff.toml": ""},
    "cargo": {"Cargo.toml": "[package]\nname = 'x'\n"},
    "go-golangci": {"go.mod": "module x\n", ".golangci.yml": "run: {}\n"},
    "make": {"Makefile": ".PHONY: test\ntest: build\n\tcc test.c\nlint:\n\tcppcheck .\n"},
    "nothing": {"README.md": "# x\n"},
}


def lay_out(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_init_writes_three_files_and_names_what_is_missing(animus, project, tmp_path):
    lay_out(project, REPOSITORIES["pytest-ruff"])
    answer = animus("init", "--json", PATH=str(tmp_path))
    assert answer.code == 0, answer.err
    assert [(file["path"], file["action"]) for file in answer.data["files"]] == [(name, "write") for name in FILES]
    assert all((project / name).is_file() for name in FILES)
    assert answer.data["tests"] == {
        "name": "pytest",
        "command": ["python3", "-m", "pytest"],
        "because_of": "pyproject.toml",
    }
    missing = " ".join(answer.data["missing"])
    assert "'ruff' is not on PATH" in missing
    assert "No coding agent was found" in missing
    assert "no git repository" in missing
    assert answer.data["next"] == ["animus workflow config validate", "animus workflow run --sync"]


def test_init_tells_people_what_it_did(animus, project, tmp_path):
    lay_out(project, REPOSITORIES["make"])
    answer = animus("init", PATH=str(tmp_path))
    assert "tests    make test (because of Makefile)" in answer.out
    assert "wrote .animus/workflows.yaml" in answer.out
    assert answer.out.endswith("next: animus workflow config validate\nnext: animus workflow run --sync\n")


def test_a_plan_writes_nothing(animus, project):
    lay_out(project, REPOSITORIES["cargo"])
    before = sorted(project.rglob("*"))
    answer = animus("init", "--plan")
    assert answer.code == 0
    assert "would write animus.toml" in answer.out
    assert sorted(project.rglob("*")) == before


def test_existing_files_are_never_overwritten(animus, project):
    lay_out(project, {"animus.toml": "# mine\n", ".animus/agents/agent.py": "# mine\n"})
    answer = animus("init", "--force", "--json")
    actions = {file["path"]: (file["action"], file["reason"]) for file in answer.data["files"]}
    assert actions == {
        MANIFEST_PATH: ("keep", "it is yours"),
        WORKFLOWS_PATH: ("write", ""),
        AGENT_PATH: ("keep", "it is yours"),
    }
    assert (project / MANIFEST_PATH).read_text() == "# mine\n"


def test_force_writes_again_only_what_nobody_has_edited(animus, project):
    animus("init")
    lay_out(project, REPOSITORIES["make"])
    manifest = project / MANIFEST_PATH
    manifest.write_text(manifest.read_text() + "# a remark\n")
    kept = animus("init", "--json").data["files"]
    assert [file["action"] for file in kept] == ["keep"] * 3
    again = animus("init", "--force", "--json").data["files"]
    assert [file["action"] for file in again] == ["keep", "rewrite", "rewrite"]
    assert '"make"' in (project / WORKFLOWS_PATH).read_text()


def test_a_project_with_its_own_definitions_keeps_them(animus, project):
    lay_out(project, {".animus/workflows/mine.yaml": "workflows: []\n"})
    answer = animus("init", "--json")
    actions = {file["path"]: file["action"] for file in answer.data["files"]}
    assert actions == {MANIFEST_PATH: "write", WORKFLOWS_PATH: "keep"}
    assert not (project / WORKFLOWS_PATH).exists()


def test_files_are_written_at_the_root_of_the_checkout(animus, project, git):
    git(project, "init", "--quiet")
    below = project / "src"
    below.mkdir()
    animus("init", cwd=below)
    assert (project / MANIFEST_PATH).is_file()
    assert not (below / MANIFEST_PATH).exists()


@pytest.mark.parametrize("name", ["uv-pytest", "go-golangci", "nothing"])
def test_what_init_writes_is_valid(name, animus, project, flavor):
    lay_out(project, REPOSITORIES[name])
    animus("init")
    answer = animus("workflow", "config", "validate", "--json")
    assert answer.code == 0, answer.err
    assert answer.data.get("diagnostics", []) == []
    assert {"check", "animus.task/standard"} <= set(answer.data["workflows"])


def test_a_run_after_init_runs_the_checks(animus, project, flavor):
    test = "import unittest\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, {})\n"
    lay_out(project, {"test_it.py": test.format(1)})
    animus("init")
    passed = animus("workflow", "run", "--sync", "--json")
    assert (passed.code, passed.data["status"]) == (0, "completed")
    # Another length: Python takes a cached module for fresh when second and size of its source are the same.
    lay_out(project, {"test_it.py": test.format("'two'")})
    failed = animus("workflow", "run", "--sync")
    assert failed.code == 6
    assert "test failed" in failed.out
    assert "python3 -m unittest" in failed.err


def test_a_project_without_tests_does_not_pass_its_checks(animus, project, flavor):
    animus("init")
    answer = animus("workflow", "run", "--sync", "--json")
    assert answer.code == 6
    assert "no tests are set up" in answer.error["message"]
    assert answer.error["details"]["status"] in {"failed", "escalated"}


def test_in_a_git_repository_the_files_are_to_be_committed_first(animus, project, git):
    git(project, "init", "-q")
    steps = animus("init", "--json").data["next"]
    assert (
        "git add .animus/agents/agent.py .animus/workflows.yaml animus.toml && git commit -m 'Set Animus up'" in steps
    )
    assert not any(step.startswith("git") for step in animus("init", "--json").data["next"])
