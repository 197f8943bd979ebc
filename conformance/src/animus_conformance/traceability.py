"""From the MUSTs of the normative text to their checks: the page that shows each with its check, or why it has none."""

import re
import tomllib
from collections.abc import Mapping
from typing import Final, NamedTuple

from animus_conformance.requirement import Requirement
from animus_conformance.suite import REQUIREMENTS

__all__ = ["Must", "coverage_page", "musts_of", "untested_of"]

_MUST: Final = re.compile(r"^- MUST `\[([a-z0-9_:-]+)\]` (.+)\.$")
_HEADING: Final = re.compile(r"^## (.+)$")


class Must(NamedTuple):
    """One requirement of the text."""

    id: str
    text: str
    section: str


class Untested(NamedTuple):
    """MUSTs without a check in the suites: judged by a test elsewhere, or by nothing, each with its reason."""

    elsewhere: Mapping[str, str]
    nowhere: Mapping[str, str]


def musts_of(text: str) -> list[Must]:
    """The requirements in the normative text.

    Raises:
        ValueError: a line says MUST and has no id.
    """
    section, found = "", list[Must]()
    for number, line in enumerate(text.splitlines(), start=1):
        heading, must = _HEADING.match(line), _MUST.match(line)
        if heading is not None:
            section = heading.group(1)
        elif must is not None:
            found.append(Must(must.group(1), must.group(2), section))
        elif line.startswith("- MUST"):
            raise ValueError(f"line {number} has no id: {line}")
    return found


def untested_of(text: str) -> Untested:
    """The file of MUSTs without a check: tables ``elsewhere`` (id to test) and ``nowhere`` (id to reason)."""
    table = tomllib.loads(text)
    return Untested(table.get("elsewhere", {}), table.get("nowhere", {}))


def coverage_page(text: str, untested_text: str) -> str:
    """The generated page."""
    musts, untested = musts_of(text), untested_of(untested_text)
    by_id = {requirement.id: requirement for requirement in REQUIREMENTS}
    rows = [_row(must, by_id, untested) for must in musts]
    checked = sum(must.id in by_id for must in musts)
    elsewhere = sum(must.id in untested.elsewhere for must in musts)
    share = 100 * (checked + elsewhere) // len(musts)
    lines = [
        "# What is checked of the protocol",
        "",
        "Generated from `docs/protocol.md` and the requirement table by `animus_conformance.generate`; do not edit.",
        "",
        f"{len(musts)} requirements: {checked} checked by the suites, {elsewhere} by other tests,",
        f"{len(musts) - checked - elsewhere} not checked ({share} % checked).",
        "Every check of the suites has a broken twin that it must find.",
    ]
    section = ""
    for must, row in zip(musts, rows, strict=True):
        if must.section != section:
            section = must.section
            lines += ["", f"## {section}", "", "| id | requirement | check |", "|---|---|---|"]
        lines.append(row)
    return "\n".join(lines) + "\n"


def _row(must: Must, by_id: Mapping[str, Requirement], untested: Untested) -> str:
    requirement = by_id.get(must.id)
    if requirement is not None:
        check = f"suite `{requirement.suite}`"
    elif must.id in untested.elsewhere:
        check = f"`{untested.elsewhere[must.id]}`"
    else:
        check = f"none: {untested.nowhere.get(must.id, 'no reason given')}"
    return f"| `{must.id}` | {must.text} | {check} |"
