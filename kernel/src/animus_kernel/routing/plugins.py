"""The plugin processes of one project: started when first needed, reached by role, stopped in order."""

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from animus_composition.assembly import Assembly
from animus_composition.limits import care_of
from animus_composition.roles import REQUIRED_ROLES, SUBJECT_ROLE
from animus_composition.secrets import SecretEnvironment, load_references
from animus_composition.settings import DaemonSettings
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_kernel.clock import Clock
from animus_kernel.routing.seam import CALL_SECONDS, OnNote, Seconds
from animus_kernel.version import VERSION
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.control import PluginHealth
from animus_plugin_protocol.wire.lifecycle import HostCallsOffer, InitExtensions, ProjectBinding
from animus_plugin_runtime import Candidate, Connection, HostOffer, Note, SupervisedPlugin
from animus_plugin_runtime.agent_session import AgentSessions
from animus_plugin_runtime.host_call import HostCalls
from animus_plugin_runtime.process_cap import ProcessCap
from animus_plugin_runtime.provider_processes import PROVIDER, ProviderProcesses, provider_called, provider_named
from animus_plugin_runtime.trigger_plugins import trigger_plugin
from animus_process import ProcessLedger

__all__ = ["ProjectPlugins"]


class ProjectPlugins:
    """Reaches plugins by role (`animus_kernel.routing.seam.Plugins`) and routes their host calls."""

    def __init__(
        self,
        project: Project,
        assembly: Assembly,
        settings: DaemonSettings,
        ledger: ProcessLedger,
        supervise: Callable[..., SupervisedPlugin],
        clock: Clock,
    ) -> None:
        self._roles, self.sessions, self._cap = assembly.roles, AgentSessions(), ProcessCap(settings.plugin_processes)
        root, scope, state_dir = str(project.root), project.repo_scope, str(project.state_dir)
        extensions = InitExtensions(
            project_binding=ProjectBinding(project_root=root, repo_scope=scope, state_dir=state_dir),
            host_calls=HostCallsOffer(version=1),
            packs=[pack.as_wire() for pack in assembly.packs.packs],
        )
        prepare = functools.partial(
            supervise,
            offer=HostOffer(name="animus", version=VERSION, extensions=extensions),
            project_root=project.root,
            ledger=ledger,
            on_request=HostCalls(self, project.state_dir / "logs" / "runs", self.sessions, clock.now).serve,
            cap=self._cap,
            environ=SecretEnvironment(os.environ, load_references(project.config_dir)),
        )

        def make(candidate: Candidate) -> SupervisedPlugin:
            is_needed = not {*REQUIRED_ROLES}.isdisjoint(self._roles.roles_of(candidate.name))
            return prepare(candidate, care=care_of(candidate, assembly.flavor, settings, is_needed=is_needed))

        self._plugins = {candidate.name: make(candidate) for candidate in assembly.roles.candidates}
        self._providers = [
            ProviderProcesses(self._plugins[one.name], functools.partial(make, one)) for one in assembly.roles.providers
        ]

    async def call(
        self, kind: str, method: str, params: Any, timeout_seconds: Seconds = CALL_SECONDS, on_note: OnNote = None
    ) -> msgspec.Raw:
        """Call the holder of a role; see `animus_kernel.routing.seam.Plugins`."""
        connection = await self._holder(kind).connection()

        def listener(note: Note) -> None:
            if on_note is not None:
                on_note(note.method, note.params)

        return await connection.call_raw(method, params, timeout_seconds=timeout_seconds, on_note=listener)

    async def connection_for(self, kind: str, name: str | None) -> Connection:
        """The callee of a host call; see `animus_plugin_runtime.host_call.Routes`."""
        if kind == PROVIDER:
            return await (await self.provider(name)).first.connection()
        return await self._holder(f"{SUBJECT_ROLE}{name}" if kind == "subject_backend" and name else kind).connection()

    def open_connection(self, kind: str, name: str | None) -> Connection | None:
        """As `connection_for` where nothing has to be started; see `animus_plugin_runtime.host_call.Routes`."""
        if kind == PROVIDER:
            called = provider_called(self._providers, name)
            return called.first.ready if called else None
        role = f"{SUBJECT_ROLE}{name}" if kind == "subject_backend" and name else kind
        holder = self._roles.holders.get(role)
        return self._plugins[holder.name].ready if holder else None

    async def provider(self, name: str | None) -> ProviderProcesses:
        """Who runs agents under `name`; see `animus_plugin_runtime.host_call.Routes`."""
        return await provider_named(self._providers, name)

    def named(self, name: str) -> SupervisedPlugin:
        """The plugin that is called `name`, whatever it serves.

        Raises:
            RefusedError: -32500, with the names there are.
        """
        for plugin in self._plugins.values():
            if plugin.candidate.answers_to(name):
                return plugin
        message = f"no plugin in use is called {name!r}; in use are: {', '.join(self._plugins)}"
        raise RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)

    async def connection_for_trigger(self, type_name: str, name: str | None, secrets: Collection[str]) -> Connection:
        """Who watches for a type of triggers; see `animus_kernel.timing.triggers.TriggerRoutes`."""
        plugins = [self._plugins[one.name] for one in self._roles.triggers]
        return await (await trigger_plugin(plugins, type_name, name)).connection_with(secrets)

    def subject_kinds(self) -> list[str]:
        """The kinds of subjects that some plugin serves here."""
        return [role.removeprefix(SUBJECT_ROLE) for role in self._roles.holders if role.startswith(SUBJECT_ROLE)]

    def health(self) -> list[PluginHealth]:
        """A row per plugin that holds a role, and one for each further process that runs or is to run."""
        return [
            PluginHealth(
                name=plugin.name,
                kinds=self._roles.roles_of(plugin.name),
                status="out_of_room" if self._cap.keeps_out(plugin) else plugin.state.value,
                pid=plugin.pid,
                restarts=plugin.restarts,
                last_error=plugin.last_error,
                **_vitals(plugin),
            )
            for plugin in self._processes()
            if plugin.pid is not None or plugin is self._plugins.get(plugin.name) or self._cap.keeps_out(plugin)
        ]

    def _processes(self) -> list[SupervisedPlugin]:
        """One for each plugin, and those that providers have besides."""
        return [*self._plugins.values(), *(more for provider in self._providers for more in provider.plugins[1:])]

    async def tend(self) -> None:
        """Look after every plugin that runs: what hangs or is too large is replaced, what nobody needs rests."""
        await asyncio.gather(*(plugin.tend() for plugin in self._processes()))

    async def stop(self, role: str) -> None:
        """Stop the holder of one role."""
        holder = self._roles.holders.get(role)
        if holder is not None:
            await self._plugins[holder.name].stop()

    async def close(self) -> None:
        """Stop everything; the queue comes last, because the others' ends still have to be written down."""
        for plugin in sorted(self._processes(), key=lambda one: "queue" in self._roles.roles_of(one.name)):
            with contextlib.suppress(OSError):
                await plugin.stop()

    def _holder(self, role: str) -> SupervisedPlugin:
        holder = self._roles.holders.get(role)
        if holder is not None:
            return self._plugins[holder.name]
        problem: ControlError | None = self._roles.problems.get(role)
        known = ", ".join(sorted(self._roles.holders))
        message = problem.message if problem else f"no plugin of this project holds role {role!r}; held are: {known}"
        raise RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)


def _vitals(plugin: SupervisedPlugin) -> dict[str, Any]:
    """What a running plugin uses and says."""
    connection, usage = plugin.current, plugin.usage
    if connection is None:
        return {}
    traffic = connection.traffic
    return {
        "memory_bytes": usage.memory_bytes if usage else None,
        "cpu_seconds": usage.cpu_seconds if usage else None,
        "open_calls": connection.work,
        "frames": traffic.frames_in + traffic.frames_out,
        "bytes": traffic.bytes_in + traffic.bytes_out,
    }
