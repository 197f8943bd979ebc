"""The plugin processes of one project: started when first needed, reached by role, stopped in order."""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec

from animus_kernel.errors import KernelError
from animus_kernel.host_call import HostCalls
from animus_kernel.pack import Packs
from animus_kernel.project import Project
from animus_kernel.roles import RoleTable
from animus_kernel.seam import CALL_SECONDS, NoteListener
from animus_kernel.version import VERSION
from animus_plugin_protocol.errors import ErrorCode, FatalError, RefusedError
from animus_plugin_protocol.methods import PROGRESS
from animus_plugin_protocol.wire.control import PluginHealth
from animus_plugin_protocol.wire.lifecycle import HostCallsOffer, InitExtensions, ProjectBinding
from animus_plugin_protocol.wire.provider import ProviderCapabilities
from animus_plugin_runtime import Connection, HostOffer, Note, PluginEvent, SupervisedPlugin
from animus_process import ProcessLedger

__all__ = ["ProjectPlugins"]

_SUBJECTS = "subject_backend:"
_PROVIDER = "provider"


class ProjectPlugins:
    """Reaches plugins by role (`animus_kernel.seam.Plugins`) and routes their host calls."""

    def __init__(
        self,
        project: Project,
        roles: RoleTable,
        packs: Packs,
        ledger: ProcessLedger,
        on_event: Callable[[PluginEvent], None],
        on_stderr: Callable[[str, str], None],
    ) -> None:
        self._roles = roles
        extensions = InitExtensions(
            project_binding=ProjectBinding(
                project_root=str(project.root), repo_scope=project.repo_scope, state_dir=str(project.state_dir)
            ),
            host_calls=HostCallsOffer(version=1),
            packs=[pack.as_wire() for pack in packs.packs],
        )
        offer = HostOffer(name="animus", version=VERSION, extensions=extensions)
        calls = HostCalls(self, project.state_dir / "logs" / "runs")
        self._plugins = {
            candidate.name: SupervisedPlugin(
                candidate,
                offer,
                ledger=ledger,
                project_root=project.root,
                on_request=calls.serve,
                on_event=on_event,
                on_stderr=on_stderr,
            )
            for candidate in roles.candidates
        }

    async def call(
        self,
        kind: str,
        method: str,
        params: Any = None,
        *,
        timeout_seconds: float | None = CALL_SECONDS,
        on_note: NoteListener | None = None,
    ) -> msgspec.Raw:
        """Call the holder of a role; see `animus_kernel.seam.Plugins`."""
        connection = await self._holder(kind).connection()
        return await connection.call_raw(
            method,
            params,
            timeout_seconds=timeout_seconds,
            on_note=None if on_note is None else lambda note: _tell(on_note, note),
        )

    async def connection_for(self, kind: str, name: str | None) -> Connection:
        """The callee of a host call; see `animus_kernel.host_call.Routes`."""
        if kind == _PROVIDER:
            return await self._provider(name)
        return await self._holder(f"{_SUBJECTS}{name}" if kind == "subject_backend" and name else kind).connection()

    def subject_kinds(self) -> list[str]:
        """The kinds of subjects that some plugin serves here."""
        return [role.removeprefix(_SUBJECTS) for role in self._roles.holders if role.startswith(_SUBJECTS)]

    def health(self) -> list[PluginHealth]:
        """A row per plugin that holds a role."""
        return [
            PluginHealth(
                name=plugin.name,
                kinds=self._roles.roles_of(plugin.name),
                status=plugin.state.value,
                pid=plugin.pid,
                restarts=plugin.restarts,
                last_error=plugin.last_error,
            )
            for plugin in self._plugins.values()
        ]

    async def stop(self, role: str) -> None:
        """Stop the holder of one role."""
        holder = self._roles.holders.get(role)
        if holder is not None:
            await self._plugins[holder.name].stop()

    async def close(self) -> None:
        """Stop everything; the queue comes last, because the others' ends still have to be written down."""
        queue = self._roles.holders.get("queue")
        for plugin in sorted(
            self._plugins.values(), key=lambda plugin: queue is not None and plugin.name == queue.name
        ):
            with contextlib.suppress(OSError):
                await plugin.stop()

    def _holder(self, role: str) -> SupervisedPlugin:
        holder = self._roles.holders.get(role)
        if holder is not None:
            return self._plugins[holder.name]
        problem: KernelError | None = self._roles.problems.get(role)
        known = ", ".join(sorted(self._roles.holders))
        message = problem.message if problem else f"no plugin of this project holds role {role!r}; held are: {known}"
        raise RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)

    async def _provider(self, name: str | None) -> Connection:
        """The first provider that is called `name`, or that advertises it as a tool."""
        for candidate in self._roles.providers:
            if name is None or candidate.answers_to(name):
                return await self._plugins[candidate.name].connection()
        for candidate in self._roles.providers:
            connection = await self._plugins[candidate.name].connection()
            if name in _tools_of(connection):
                return connection
        known = ", ".join(plugin.name for plugin in self._roles.providers) or "none"
        message = f"no provider answers to {name!r}; providers of this flavor: {known}"
        raise RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)


def _tools_of(connection: Connection) -> list[str]:
    answered = connection.initialize_result
    capability = None if answered is None else answered.kind_capabilities.get(_PROVIDER)
    if capability is None or capability.extra is None:
        return []
    try:
        return msgspec.convert(capability.extra, ProviderCapabilities).tools
    except msgspec.ValidationError as error:
        raise FatalError(f"{connection.plugin!r} advertises no readable provider capabilities: {error}") from error


def _tell(listener: NoteListener, note: Note) -> None:
    if note.method == PROGRESS:
        listener(note.method, note.params)
