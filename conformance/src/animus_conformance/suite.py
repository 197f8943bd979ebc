"""Runs requirements against a plugin and collects what came out."""

import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from animus_conformance.conduct import CONDUCT
from animus_conformance.config_source import CONFIG_SOURCE
from animus_conformance.core import CORE
from animus_conformance.fault import FAULTS
from animus_conformance.provider import PROVIDER
from animus_conformance.queue import QUEUE
from animus_conformance.queue_fenced import QUEUE_FENCED
from animus_conformance.queue_store import QUEUE_STORE
from animus_conformance.requirement import (
    CheckFailedError,
    HarnessError,
    NotApplicableError,
    Outcome,
    Requirement,
    Status,
)
from animus_conformance.subject_backend import SUBJECT_BACKEND
from animus_conformance.trigger_backend import TRIGGER_BACKEND
from animus_conformance.under_test import PluginUnderTest
from animus_conformance.workflow_journal import WORKFLOW_JOURNAL
from animus_conformance.workflow_runner import WORKFLOW_RUNNER
from animus_plugin_protocol.wire.lifecycle import PluginManifest

__all__ = ["REQUIREMENTS", "SUITES", "known_manifest", "requirement_named", "run_check", "run_checks"]

SUITES: Final = (
    CORE,
    CONDUCT,
    FAULTS,
    QUEUE,
    QUEUE_STORE,
    QUEUE_FENCED,
    WORKFLOW_RUNNER,
    PROVIDER,
    SUBJECT_BACKEND,
    CONFIG_SOURCE,
    WORKFLOW_JOURNAL,
    TRIGGER_BACKEND,
)
REQUIREMENTS: Final[tuple[Requirement, ...]] = tuple(
    requirement for suite in SUITES for requirement in suite.requirements
)


def requirement_named(requirement_id: str) -> Requirement | None:
    """The requirement of that id."""
    return next((requirement for requirement in REQUIREMENTS if requirement.id == requirement_id), None)


def run_checks(command: Sequence[str], requirements: Sequence[Requirement] = REQUIREMENTS) -> Iterator[Outcome]:
    """Check the plugin that `command` starts, one outcome at a time.

    Raises:
        OSError: the command cannot be started at all.
    """
    manifest = known_manifest(command)
    for requirement in requirements:
        yield run_check(command, requirement, manifest)


def known_manifest(command: Sequence[str]) -> PluginManifest | None:
    """The plugin's manifest, or None where it has no good one (which its own requirement says).

    Raises:
        OSError: the command cannot be started at all.
    """
    with tempfile.TemporaryDirectory(prefix="animus-conformance-", ignore_cleanup_errors=True) as folder:
        try:
            return PluginUnderTest(command, Path(folder)).read_manifest()
        except CheckFailedError:
            return None


def run_check(command: Sequence[str], requirement: Requirement, manifest: PluginManifest | None) -> Outcome:
    """Check one requirement, with everything the plugin writes below a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="animus-conformance-", ignore_cleanup_errors=True) as folder:
        plugin = PluginUnderTest(command, Path(folder), manifest)
        started = time.monotonic()
        status, detail = _judged(requirement, plugin)
        shown = () if status in {Status.PASSED, Status.NOT_APPLICABLE} else _transcript(plugin)
        return Outcome(requirement.id, status, detail, shown, time.monotonic() - started, plugin.latencies)


def _judged(requirement: Requirement, plugin: PluginUnderTest) -> tuple[Status, str]:
    try:
        _require_concerned(requirement, plugin)
        requirement.check(plugin)
    except CheckFailedError as error:
        return Status.FAILED, str(error)
    except NotApplicableError as error:
        return Status.NOT_APPLICABLE, str(error)
    except HarnessError as error:
        return Status.HARNESS_ERROR, str(error)
    except Exception:  # noqa: BLE001 - a fault of the harness must not pass for one of the plugin
        return Status.HARNESS_ERROR, traceback.format_exc(limit=-4)
    return Status.PASSED, ""


def _require_concerned(requirement: Requirement, plugin: PluginUnderTest) -> None:
    """Whether the plugin says it does what the requirement is about, and has what that takes.

    Raises:
        NotApplicableError: it does not say so.
        CheckFailedError: it says so and lacks a method for it.
    """
    if requirement.kind is None:
        return
    manifest = plugin.manifest()
    if not manifest.serves_kind(requirement.kind):
        raise NotApplicableError(f"the plugin does not serve the kind {requirement.kind!r}")
    advertised = {*manifest.capabilities, *_spelled_for_kinds(manifest)}
    if requirement.when and not advertised.intersection(requirement.when):
        raise NotApplicableError(f"the plugin does not advertise {' or '.join(requirement.when)}")
    missing = [method for method in requirement.needs if method not in advertised]
    if missing:
        raise CheckFailedError(f"the plugin serves {requirement.kind!r} and lacks {', '.join(missing)}")


def _spelled_for_kinds(manifest: PluginManifest) -> set[str]:
    """``subject/get`` for a backend that only names ``task/get``."""
    prefix = "subject_kind:"
    kinds = {name.removeprefix(prefix) for name in manifest.capabilities if name.startswith(prefix)}
    spelled = (name.partition("/") for name in manifest.capabilities if "/" in name)
    return {f"subject/{verb}" for kind, _, verb in spelled if kind in kinds}


def _transcript(plugin: PluginUnderTest) -> tuple[str, ...]:
    return tuple(line for transcript in plugin.transcripts for line in transcript.lines())
