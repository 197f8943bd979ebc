"""Every plugin of this repository, held against the whole suite."""

from animus_conformance.pytest_suite import conformance_suite

test_queue_default = conformance_suite(entry_point="queue-default")
test_subject_default = conformance_suite(entry_point="subject-default")
test_provider_command = conformance_suite(entry_point="provider-command")
test_workflow_runner_default = conformance_suite(entry_point="workflow-runner-default")
