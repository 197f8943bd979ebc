"""Does a plugin keep the protocol? Checks that drive it as a black box, in any language, over its pipes.

``animus-conformance run -- ./my-plugin`` is the door; `run_checks` is the same for a program, and
`conformance_suite` of `animus_conformance.pytest_suite` for a plugin's own tests.
"""

from animus_conformance.requirement import Outcome, Requirement, Status
from animus_conformance.suite import REQUIREMENTS, run_checks

__all__ = ["REQUIREMENTS", "Outcome", "Requirement", "Status", "run_checks"]
