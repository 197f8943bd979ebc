"""Runs requirements against a plugin and collects what came out."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from animus_conformance.core import CORE
from animus_conformance.requirement import CheckFailedError, NotApplicableError, Outcome, Requirement, Status
from animus_conformance.under_test import PluginUnderTest

__all__ = ["REQUIREMENTS", "run_checks"]

REQUIREMENTS: Final[tuple[Requirement, ...]] = CORE


def run_checks(command: Sequence[str], requirements: Sequence[Requirement] = REQUIREMENTS) -> Iterator[Outcome]:
    """Check the plugin that `command` starts, one outcome at a time.

    Raises:
        OSError: the command cannot be started at all.
    """
    for requirement in requirements:
        with tempfile.TemporaryDirectory(prefix="animus-conformance-", ignore_cleanup_errors=True) as folder:
            yield _outcome(requirement, PluginUnderTest(command, Path(folder)))


def _outcome(requirement: Requirement, plugin: PluginUnderTest) -> Outcome:
    try:
        requirement.check(plugin)
    except CheckFailedError as error:
        return Outcome(requirement.id, Status.FAILED, str(error))
    except NotApplicableError as error:
        return Outcome(requirement.id, Status.SKIPPED, str(error))
    return Outcome(requirement.id, Status.PASSED)
