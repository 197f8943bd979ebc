"""The plugin keeps the protocol."""

import sys

from animus_conformance.pytest_suite import conformance_suite

test_conformance = conformance_suite(sys.executable, "-P", "-m", "animus_trigger_file")
