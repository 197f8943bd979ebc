"""The definitions runs are pinned to: loaded from files, named by their digest, kept in the journal."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Workflow, digest, find_workflow
from animus_workflow_runner_default.engine.refusal import WorkflowNotFoundError
from animus_workflow_runner_default.journal.journal import Journal

__all__ = ["Pin", "Pins", "require_workflow"]


class Pin(NamedTuple):
    """A configuration and the digest that runs keep of it."""

    hash: str
    config: CompiledConfig

    def keep(self, journal: Journal) -> None:
        """Keep the configuration for the runs pinned to it."""
        journal.pin_config(self.hash, self.config)


class Pins:
    """Makes pins; the last is remembered, as most runs share it."""

    def __init__(self, load: Callable[[], CompiledConfig]) -> None:
        self._load = load
        self._loaded: CompiledConfig | None = None
        self._pin: Pin | None = None
        self._loading = asyncio.Lock()
        self._begun = 0
        self._succeeded = 0

    async def current(self) -> Pin:
        """The definitions as they are on disk now.

        A look that began after a caller asked serves that caller as well, so that a crowd needs two.
        """
        asked = self._begun
        async with self._loading:  # the crowd waits here, not in the threads that others need
            if self._pin is None or self._succeeded <= asked:
                self._pin = await self._look()
            return self._pin

    async def _look(self) -> Pin:
        self._begun = number = self._begun + 1
        loaded = await asyncio.to_thread(self._load)
        self._succeeded = number
        if self._pin is not None and self._loaded is loaded:
            return self._pin
        # Through JSON: a run that is resumed gets them from the journal, and there is one form for all uses.
        config = msgspec.json.decode(msgspec.json.encode(loaded), type=CompiledConfig)
        self._loaded = loaded
        return Pin(digest(loaded), config)

    def known(self, digest_: str) -> CompiledConfig | None:
        """The configuration of that digest, if it is the last one."""
        return self._pin.config if self._pin is not None and self._pin.hash == digest_ else None


def require_workflow(config: CompiledConfig, ref: str | None) -> Workflow:
    """The workflow of that name.

    Raises:
        WorkflowNotFoundError: there is none, or its definition is wrong; the text says which exist.
    """
    workflow = find_workflow(config, ref)
    if workflow is not None:
        return workflow
    reason = None if ref is None else config.disabled.get(ref.strip().lower())
    if reason is not None:
        raise WorkflowNotFoundError(f"workflow {ref!r} is disabled: {reason}; see animus workflow config validate")
    known = ", ".join(sorted(item.id for item in config.workflows.values())) or "none"
    asked = "no workflow was named and there is no default_workflow_ref" if ref is None else f"unknown workflow {ref!r}"
    raise WorkflowNotFoundError(f"{asked}; there are: {known}")
