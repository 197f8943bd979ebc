"""The normative text, the requirement table and what is generated from them agree."""

from pathlib import Path

import pytest

from animus_conformance import REQUIREMENTS
from animus_conformance.export import BANDS, export_text, exported
from animus_conformance.traceability import coverage_page, musts_of, untested_of

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
TEXT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
UNTESTED = (HERE / "untested.toml").read_text(encoding="utf-8")
REGENERATE = "run python -m animus_conformance.generate"


def test_every_must_has_a_check_or_a_reason_and_no_more_than_one():
    checked = {requirement.id for requirement in REQUIREMENTS}
    elsewhere, nowhere = (set(table) for table in untested_of(UNTESTED))
    named = [must.id for must in musts_of(TEXT)]
    assert len(named) == len(set(named))
    assert set(named) == checked | elsewhere | nowhere
    assert not checked & elsewhere
    assert not nowhere & (checked | elsewhere)
    assert all(untested_of(UNTESTED).nowhere.values())


def test_tests_that_check_elsewhere_exist_and_name_the_requirement():
    for requirement_id, path in untested_of(UNTESTED).elsewhere.items():
        assert (ROOT / path).is_file(), path
        if requirement_id.startswith("host:"):
            assert requirement_id in (ROOT / path).read_text(encoding="utf-8")


def test_text_and_check_ask_the_same():
    asked = {must.id: must.text for must in musts_of(TEXT)}
    differing = {
        requirement.id: (asked[requirement.id], requirement.text)
        for requirement in REQUIREMENTS
        if asked[requirement.id] != requirement.text
    }
    assert not differing


def test_must_without_an_id_is_found():
    with pytest.raises(ValueError, match="line 1 has no id"):
        musts_of("- MUST do something.")


def test_coverage_page_is_that_of_the_text():
    page = (ROOT / "docs" / "protocol-coverage.md").read_text(encoding="utf-8")
    assert page == coverage_page(TEXT, UNTESTED), REGENERATE


def test_exported_protocol_is_that_of_the_code():
    assert (HERE / "protocol.json").read_text(encoding="utf-8") == export_text(), REGENERATE


def test_requirement_set_of_a_released_version_is_frozen():
    """A new requirement belongs to the next protocol version; the ids of this one stand in its file."""
    for file in sorted((HERE / "frozen").glob("*.txt")):
        frozen = file.read_text(encoding="utf-8").split()
        assert frozen == sorted(item.id for item in REQUIREMENTS if item.since == file.stem)
    assert {item.since for item in REQUIREMENTS} <= {file.stem for file in (HERE / "frozen").glob("*.txt")}


def test_every_error_code_lies_in_one_band_and_every_method_type_is_exported():
    whole = exported()
    for code in map(int, whole["error_codes"]):
        assert sum(first <= code <= last for first, last in BANDS.values()) == 1, code
    for method in whole["methods"]:
        for reference in (method["params"], method["result"]):
            assert reference in {None, "any"} or reference in whole["types"], method["name"]
