"""Projects as people write them: every workflow is usable, and every verdict at every phase is driven to an end.

`corpus/projects` holds files with odd but plausible habits. Other people's are driven as well where ``ANIMUS_CORPUS``
names a folder of them; ``python docs/generate_corpus_paths.py FOLDER`` writes the table of both.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "corpus-paths.md"


def _driving():
    spec = importlib.util.spec_from_file_location("corpus_driving", HERE / "corpus" / "driving.py")
    module = sys.modules["corpus_driving"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRIVING = _driving()
OWN = DRIVING.projects(HERE / "corpus" / "projects")
OTHERS = DRIVING.projects(Path(os.environ["ANIMUS_CORPUS"])) if "ANIMUS_CORPUS" in os.environ else []


def drive(source: Path, home: Path):
    if source.name in {"merged", "ao-example-gdpr-request-handler"} and shutil.which("git") is None:
        pytest.skip("git is not installed, and this project's work is merged")
    loaded = DRIVING.copied(source, home)
    assert [str(found) for found in loaded.diagnostics if found.severity == "error"] == []
    assert loaded.config.disabled == {}
    went = DRIVING.driven(loaded, home)
    assert [item.story for item in went if not item.is_as_meant] == []
    assert {item.path.workflow for item in went} == {workflow.id for workflow in loaded.config.workflows.values()}
    return went


@pytest.mark.parametrize("source", [*OWN, *OTHERS], ids=lambda source: source.name)
def test_every_verdict_at_every_phase_leads_where_the_file_says(tmp_path, source):
    went = drive(source, tmp_path)
    listed = PAGE.read_text("utf-8").splitlines()
    assert [row for row in DRIVING.rows(source.name, went) if row not in listed] == [], "the page is stale"


@pytest.mark.parametrize("source", OWN, ids=lambda source: source.name)
def test_every_place_is_driven_with_everything_its_phase_may_return(tmp_path, source):
    config = DRIVING.copied(source, tmp_path).config
    for workflow in config.workflows.values():
        plan = DRIVING.Plan.of(config, workflow)
        wanted = {
            (entry.path, verdict) for entry in plan.entries for verdict in DRIVING.allowed_verdicts(plan, entry.path)
        }
        assert {(path.place, path.verdict) for path in DRIVING.paths_of(plan)} == wanted


@pytest.mark.parametrize("source", OWN, ids=lambda source: source.name)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_line_ends_of_another_system_change_nothing(tmp_path, source, mark):
    plain = DRIVING.copied(source, tmp_path / "plain")
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "plain" / ".animus", other / ".animus")
    for file in (other / ".animus").rglob("*.y*ml"):
        file.write_bytes(mark + file.read_bytes().replace(b"\n", b"\r\n"))
    assert DRIVING.load(other, [], {}) == plain
