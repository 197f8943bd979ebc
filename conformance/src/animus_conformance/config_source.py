"""The config_source kind."""

from pathlib import Path
from typing import Any, Final

from animus_conformance.dispatching import require, require_equal
from animus_conformance.requirement import Suite
from animus_conformance.under_test import PluginUnderTest
from animus_plugin_protocol import methods

__all__ = ["CONFIG_SOURCE", "write_workflows"]

_BASE: Final = (methods.CONFIG_LOAD, methods.CONFIG_VALIDATE)
_SCHEMA: Final = "animus.workflow-config.v2"
_NEWEST: Final = 2
_SOUND: Final = """
tools_allowlist: [sh]
phases:
  greet: {mode: command, command: {program: sh, args: [-c, echo hello]}}
workflows:
  - {id: greeting, phases: [greet]}
"""

CONFIG_SOURCE: Final = Suite("config_source", "config_source")


def write_workflows(project: Path, text: str) -> None:
    """Give the project a workflow file."""
    folder = project / ".animus" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conformance.yaml").write_text(text, encoding="utf-8")


def _params(plugin: PluginUnderTest) -> dict[str, Any]:
    return {"project_root": str(plugin.project)}


@CONFIG_SOURCE.plugin("config:load:model", "load answers a model of schema v2 and a cache token", needs=_BASE)
def load_model(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        answer = peer.call(methods.CONFIG_LOAD, _params(plugin))
    model = answer["config"]
    require_equal(model["schema"], _SCHEMA, "config.schema")
    require(0 < model["version"] <= _NEWEST, f"config.version is {model['version']}")
    require(isinstance(model["config"], dict), "config.config is no object")
    require(answer["cache_token"]["version"], "cache_token.version is empty")


@CONFIG_SOURCE.plugin("config:load:stable", "equal configurations have equal cache tokens", needs=_BASE)
def load_stable(plugin: PluginUnderTest) -> None:
    tokens: list[Any] = []
    for _ in range(2):
        with plugin.started() as peer:
            tokens += [peer.call(methods.CONFIG_LOAD, _params(plugin))["cache_token"] for _ in range(2)]
    require(all(token == tokens[0] for token in tokens), f"the cache tokens of one configuration are {tokens}")


@CONFIG_SOURCE.plugin("config:load:binding", "a project that is not there is refused", needs=_BASE)
def load_binding(plugin: PluginUnderTest) -> None:
    with plugin.started() as peer:
        peer.refused(methods.CONFIG_LOAD, {"project_root": str(plugin.folder / "nowhere")})


@CONFIG_SOURCE.plugin("config:validate:clean", "a project without mistakes has no error", needs=_BASE)
def validate_clean(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, _SOUND)
    with plugin.started() as peer:
        found = peer.call(methods.CONFIG_VALIDATE, _params(plugin)).get("diagnostics", [])
    errors = [item for item in found if item["severity"] == "error"]
    require(not errors, f"a sound workflow file has errors: {errors}")


@CONFIG_SOURCE.plugin("config:validate:positions", "a broken file is an error that names the file", needs=_BASE)
def validate_positions(plugin: PluginUnderTest) -> None:
    write_workflows(plugin.project, "workflows: [\n  - id: {\n")
    with plugin.started() as peer:
        found = peer.call(methods.CONFIG_VALIDATE, _params(plugin)).get("diagnostics", [])
    errors = [item for item in found if item["severity"] == "error" and item.get("file") and item["message"].strip()]
    require(errors, f"a broken workflow file is no error with a file: {found}")
    severities = {item["severity"] for item in found}
    require(severities <= {"error", "warning"}, f"severities are {severities}")
