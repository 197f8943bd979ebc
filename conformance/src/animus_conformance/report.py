"""What a run of the suite tells: lines for people, JSON and JUnit XML for programs."""

import json
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from animus_conformance.requirement import Outcome, Requirement, Status

__all__ = ["Report", "failure_text", "repeat_command"]


def repeat_command(command: Sequence[str], requirement_id: str) -> str:
    """The command that repeats one check."""
    return shlex.join(["animus-conformance", "run", "--only", requirement_id, "--", *command])


def failure_text(command: Sequence[str], requirement: Requirement, outcome: Outcome) -> str:
    """Requirement, finding, transcript and the command that repeats the check."""
    lines = [
        f"{outcome.status}: {requirement.id}",
        f"  requirement: {requirement.text}",
        f"  found: {outcome.detail}",
        *(f"  | {line}" for line in outcome.transcript),
        f"  repeat with: {repeat_command(command, requirement.id)}",
    ]
    return "\n".join(lines)


class Report:
    """All outcomes of a run.

    Args:
        command: how the plugin is started.
        requirements: what it was held against, by id.
    """

    def __init__(self, command: Sequence[str], requirements: Mapping[str, Requirement]) -> None:
        self.command = list(command)
        self.outcomes: list[Outcome] = []
        self._requirements = requirements

    @property
    def is_good(self) -> bool:
        """Whether nothing failed."""
        return all(outcome.status.is_good for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """Outcomes per status; what does not apply is never among the passed."""
        return {status.value: sum(outcome.status is status for outcome in self.outcomes) for status in Status}

    def line(self, outcome: Outcome) -> str:
        """One outcome for people; a failure with everything that helps."""
        if not outcome.status.is_good:
            return failure_text(self.command, self._requirements[outcome.requirement_id], outcome)
        return f"{outcome.status:16} {outcome.requirement_id:34} {outcome.detail}".rstrip()

    def summary(self) -> str:
        """The counts for people."""
        return ", ".join(f"{count} {status}" for status, count in self.counts().items() if count)

    def as_json(self, budgets: Mapping[str, Any] | None = None) -> str:
        """One JSON object."""
        return json.dumps(
            {
                "command": self.command,
                "counts": self.counts(),
                "budgets": budgets,
                "outcomes": [
                    {
                        "id": outcome.requirement_id,
                        "text": self._requirements[outcome.requirement_id].text,
                        "status": outcome.status,
                        "detail": outcome.detail,
                        "seconds": round(outcome.seconds, 3),
                        "transcript": outcome.transcript,
                        "repeat": repeat_command(self.command, outcome.requirement_id),
                    }
                    for outcome in self.outcomes
                ],
            }
        )

    def as_junit(self) -> str:
        """JUnit XML."""
        failed = sum(outcome.status in {Status.FAILED, Status.STALE_EXPECTATION} for outcome in self.outcomes)
        errors = sum(outcome.status is Status.HARNESS_ERROR for outcome in self.outcomes)
        skipped = sum(outcome.status in {Status.NOT_APPLICABLE, Status.EXPECTED_FAILURE} for outcome in self.outcomes)
        root = ET.Element(
            "testsuite",
            name="animus-conformance",
            tests=str(len(self.outcomes)),
            failures=str(failed),
            errors=str(errors),
            skipped=str(skipped),
        )
        for outcome in self.outcomes:
            area = self._requirements[outcome.requirement_id].suite
            case = ET.SubElement(
                root, "testcase", classname=area, name=outcome.requirement_id, time=f"{outcome.seconds:.3f}"
            )
            self._describe(case, outcome)
        return ET.tostring(root, encoding="unicode", xml_declaration=True)

    def _describe(self, case: ET.Element, outcome: Outcome) -> None:
        if outcome.status in {Status.NOT_APPLICABLE, Status.EXPECTED_FAILURE}:
            ET.SubElement(case, "skipped", message=f"{outcome.status}: {outcome.detail}")
        elif not outcome.status.is_good:
            tag = "error" if outcome.status is Status.HARNESS_ERROR else "failure"
            problem = ET.SubElement(case, tag, message=_printable(outcome.detail))
            requirement = self._requirements[outcome.requirement_id]
            problem.text = _printable(failure_text(self.command, requirement, outcome))


def _printable(text: str) -> str:
    """XML knows no control characters."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
