"""The findings of one load, gathered: errors one by one, warnings of one topic once per file."""

from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import Diagnostic, Position
from animus_workflow_runner_default.authoring.document import Document

__all__ = ["Report"]


class Report:
    """Takes findings, gives diagnostics in the order of files and lines."""

    def __init__(self) -> None:
        self._diagnostics: list[Diagnostic] = []
        self._topics: dict[tuple[str, str], tuple[Diagnostic, int]] = {}
        self.depends_on_surroundings = False
        """Whether values of the environment or other files became part of the configuration."""

    def add(self, message: str, position: Position, *, is_warning: bool = False) -> str:
        """Take one finding; returns it as text."""
        found = Diagnostic(severity="warning" if is_warning else "error", message=message, position=position)
        self._diagnostics.append(found)
        return f"{position}: {message}"

    def take(self, finding: Finding, document: Document) -> str | None:
        """Take a finding about a value of a document; returns the text of an error, None for a warning."""
        position = document.position(finding.path, of_key=finding.of_key)
        if finding.severity == "error":
            return self.add(finding.message, position)
        if not finding.topic:
            self.add(finding.message, position, is_warning=True)
            return None
        key = (document.file, finding.topic)
        first, count = self._topics.get(key, (None, 0))
        made = first or Diagnostic(severity="warning", message=finding.message, position=position)
        self._topics[key] = (made, count + 1)
        return None

    def diagnostics(self) -> list[Diagnostic]:
        """Everything found; a topic that occurs often says how often."""
        topics = [
            found
            if count == 1
            else Diagnostic(
                severity=found.severity,
                message=f"{found.message} ({count} times in this file)",
                position=found.position,
            )
            for found, count in self._topics.values()
        ]
        return sorted(
            [*self._diagnostics, *topics],
            key=lambda found: (found.position.file, found.position.line or 0, found.position.column or 0),
        )
