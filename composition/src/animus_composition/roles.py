"""Which plugin serves which role: bound by the flavor, never guessed when there is a choice."""

from typing import NamedTuple

from animus_composition.flavor import Flavor, install_command
from animus_control.errors import ControlError, missing_plugin
from animus_plugin_runtime import Candidate, Discovery

__all__ = ["REQUIRED_ROLES", "SUBJECT_ROLE", "RoleTable", "bind_roles"]

SUBJECT_ROLE = "subject_backend:"
"""Followed by a kind of subjects: the role of the plugin that keeps them."""

REQUIRED_ROLES = ("queue", "workflow_runner")
"""Without these nothing can be run."""

_PROVIDER = "provider"
_TRIGGER = "trigger_backend"
_SUBJECT_CAPABILITY = "subject_kind:"


class RoleTable(NamedTuple):
    """Role to plugin. `providers` are in order of preference; `problems` say what is missing and how to get it.

    `triggers` are not bound by name: all are in use, and each says itself which triggers it serves.
    """

    holders: dict[str, Candidate]
    providers: list[Candidate]
    problems: dict[str, ControlError]
    triggers: list[Candidate]

    @property
    def candidates(self) -> list[Candidate]:
        """Every plugin that holds a role, once."""
        return list(
            {plugin.name: plugin for plugin in (*self.holders.values(), *self.providers, *self.triggers)}.values()
        )

    def roles_of(self, name: str) -> list[str]:
        """The roles a plugin holds."""
        held = [role for role, holder in self.holders.items() if holder.name == name]
        shared = ((_PROVIDER, self.providers), (_TRIGGER, self.triggers))
        return held + [role for role, plugins in shared if any(plugin.name == name for plugin in plugins)]

    def require(self) -> None:
        """Raise the first problem with a role without which nothing can be run."""
        for role in REQUIRED_ROLES:
            if role in self.problems:
                raise self.problems[role]


def bind_roles(flavor: Flavor, found: Discovery) -> RoleTable:
    """Bind every role of the flavor, and the required ones from what is installed where the flavor is silent."""
    table = RoleTable({}, [], {}, [plugin for plugin in found.usable if _serves(plugin, _TRIGGER)])
    for role in dict.fromkeys((*flavor.roles, *REQUIRED_ROLES)):
        names = flavor.bound(role)
        if role == _PROVIDER:
            for name in names:
                _bind(table, role, name, flavor, found)
        elif names:
            _bind(table, role, names[0], flavor, found)
        else:
            _bind_only_one(table, role, flavor, found)
    for role in _subject_roles(found):
        if role not in table.holders and role not in flavor.roles:
            _bind_only_one(table, role, flavor, found)
    # The list says who is asked first; whoever is not on it still answers to its own name.
    table.providers.extend(
        plugin for plugin in found.usable if _serves(plugin, _PROVIDER) and plugin not in table.providers
    )
    return table


def _bind(table: RoleTable, role: str, name: str, flavor: Flavor, found: Discovery) -> None:
    named = [plugin for plugin in found.plugins if plugin.answers_to(name)]
    usable = [plugin for plugin in named if plugin.is_usable]
    if not usable:
        reason = next((plugin.problem for plugin in named if plugin.problem), None)
        message = f"role {role!r} of flavor {flavor.id!r} is bound to plugin {name!r}"
        command = install_command(_distributions_for(role, name, flavor))
        absent = missing_plugin(f"{message}, which is not installed", command)
        table.problems[role] = absent if reason is None else ControlError("unavailable", f"{message}: {reason}")
    elif not _serves(usable[0], role):
        kinds = ", ".join(_kinds_of(usable[0]))
        message = f"flavor {flavor.id!r} binds role {role!r} to plugin {name!r}, which serves only: {kinds}"
        table.problems[role] = ControlError("invalid_request", message)
    elif role == _PROVIDER:
        table.providers.append(usable[0])
    else:
        table.holders[role] = usable[0]


def _bind_only_one(table: RoleTable, role: str, flavor: Flavor, found: Discovery) -> None:
    serving = [plugin for plugin in found.usable if _serves(plugin, role)]
    if len(serving) == 1:
        table.holders[role] = serving[0]
    elif serving:
        names = " and ".join(repr(plugin.name) for plugin in serving)
        message = f"{names} all serve role {role!r}; bind one of them in [roles] of flavor {flavor.id!r}"
        table.problems[role] = ControlError("conflict", message)
    else:
        command = install_command(_distributions_for(role, "", flavor))
        table.problems[role] = missing_plugin(f"no plugin serves role {role!r}", command)


def _subject_roles(found: Discovery) -> list[str]:
    """A role for each kind of subjects that some plugin here says it keeps."""
    kinds = [
        text.removeprefix(_SUBJECT_CAPABILITY)
        for plugin in found.usable
        if plugin.manifest is not None and plugin.serves("subject_backend")
        for text in plugin.manifest.capabilities
        if text.startswith(_SUBJECT_CAPABILITY)
    ]
    return [f"{SUBJECT_ROLE}{kind}" for kind in dict.fromkeys(kinds)]


def _serves(plugin: Candidate, role: str) -> bool:
    if role.startswith(SUBJECT_ROLE) and plugin.manifest is not None:
        declared = [text for text in plugin.manifest.capabilities if text.startswith(_SUBJECT_CAPABILITY)]
        wanted = _SUBJECT_CAPABILITY + role.removeprefix(SUBJECT_ROLE)
        return plugin.serves("subject_backend") and (not declared or wanted in declared)
    return plugin.serves(role)


def _kinds_of(plugin: Candidate) -> list[str]:
    return [plugin.manifest.plugin_kind, *plugin.manifest.plugin_kinds] if plugin.manifest else []


def _distributions_for(role: str, name: str, flavor: Flavor) -> list[str]:
    section = {"subject_backend": "subjects", _PROVIDER: "providers"}.get(role.partition(":")[0], role)
    needed: list[str] = getattr(flavor, section).required if section in flavor.__struct_fields__ else []
    return [one for one in needed if name in one] or needed or [f"animus-{name or role.replace('_', '-') + '-default'}"]
