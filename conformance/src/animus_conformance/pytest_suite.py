"""The suite inside a plugin's own tests. One line is enough::

    test_conformance = conformance_suite("my-plugin")

makes one test of each requirement that concerns the kinds the plugin serves. A requirement of a capability that the
plugin does not advertise is skipped with the word ``not applicable``; it is never counted as passed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from animus_conformance.choice import command_of_entry_point
from animus_conformance.expectation import expected_outcome, load_expectations
from animus_conformance.report import failure_text
from animus_conformance.requirement import Requirement, Status
from animus_conformance.suite import REQUIREMENTS, known_manifest, run_check

__all__ = ["conformance_suite"]


def conformance_suite(
    *command: str, entry_point: str | None = None, kinds: Sequence[str] | None = None, expected: Path | None = None
) -> Callable[..., Any]:
    """A parametrised test function over every requirement.

    Args:
        command: how the plugin is started.
        entry_point: the installed plugin of that name, instead of a command.
        kinds: the kinds it is held against; by default those its manifest names.
        expected: a TOML file of expected failures, each with its reason.

    Raises:
        ChoiceError: there is no such entry point.
        ExpectationError: the file of expected failures is wrong.
        OSError: the command cannot be started.
    """
    words = command_of_entry_point(entry_point) if entry_point is not None else list(command)
    manifest = known_manifest(words)
    served = set(kinds) if kinds is not None else _served(manifest)
    known = load_expectations(expected) if expected is not None else {}
    concerned = [requirement for requirement in REQUIREMENTS if requirement.kind is None or requirement.kind in served]

    @pytest.mark.parametrize("requirement", concerned, ids=[requirement.id for requirement in concerned])
    def test_requirement(requirement: Requirement) -> None:
        outcome = expected_outcome(run_check(words, requirement, manifest), known)
        if outcome.status is Status.NOT_APPLICABLE:
            pytest.skip(f"not applicable: {outcome.detail}")
        if outcome.status is Status.EXPECTED_FAILURE:
            pytest.xfail(outcome.detail)
        if not outcome.status.is_good:
            pytest.fail(failure_text(words, requirement, outcome), pytrace=False)

    return test_requirement


def _served(manifest: Any) -> set[str]:
    return set() if manifest is None else {manifest.plugin_kind, *manifest.plugin_kinds}
