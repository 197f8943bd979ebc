import msgspec
import pytest

from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.wire.config_source import ConfigLoadParams, ConfigLoadResult
from animus_plugin_protocol.wire.lifecycle import PackRoot
from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.authoring.model import CompiledConfig

TEXT = """\
tools_allowlist: [make]
workflows:
  - {id: good, phases: [p]}
  - {id: bad, phases: [q]}
phases:
  p: {mode: command, command: {program: make}}
"""


def test_load_answers_with_the_good_definitions_on_the_wire(project):
    project.write(".animus/workflows.yaml", TEXT)
    source = ConfigSource(environ={})
    result = source.load(ConfigLoadParams(project_root=str(project.root)))
    travelled = msgspec.json.decode(msgspec.json.encode(result), type=ConfigLoadResult)
    assert (travelled.config.schema, travelled.config.version) == ("animus.workflow-config.v2", 2)
    config = msgspec.convert(travelled.config.config, CompiledConfig)
    assert config == source.read(project.root).config
    assert list(config.workflows) == ["good"]
    assert list(config.disabled) == ["bad"]
    assert not travelled.cache_token.external_inputs
    assert len(travelled.cache_token.version) == 64


def test_validate_answers_with_everything_that_is_wrong(project):
    project.write(".animus/workflows.yaml", TEXT)
    result = ConfigSource(environ={}).validate(ConfigLoadParams(project_root=str(project.root)))
    (found,) = result.diagnostics
    assert (found.severity, found.file, found.line, found.column) == ("error", ".animus/workflows.yaml", 4, 24)
    assert found.message == "unknown phase 'q'; known: p"


def test_packs_of_the_handshake_are_read(project):
    pack = project.pack(
        "a.b",
        {"workflows/f.yaml": TEXT.replace("id: good", "id: a.b/good").replace("tools", "x-t")},
        manifest='[workflows]\nexports = ["a.b/good"]\n',
    )
    source = ConfigSource([PackRoot(id="a.b", version="1.0.0", root=pack.root)], environ={})
    assert list(source.read(project.root).config.workflows) == ["a.b/good"]


def test_project_root_that_is_no_directory_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="is not a directory"):
        ConfigSource(environ={}).load(ConfigLoadParams(project_root=str(tmp_path / "none")))


def test_phase_that_a_pack_leaves_to_the_project_is_a_warning_and_disables_its_workflow(project):
    pack = project.pack(
        "a.b",
        {"workflows/f.yaml": "workflows:\n  - {id: a.b/w, phases: [test]}\n"},
        manifest='[workflows]\nexports = ["a.b/w"]\n',
    )
    loaded = ConfigSource([PackRoot(id="a.b", version="1.0.0", root=pack.root)], environ={}).read(project.root)
    message = "workflow 'a.b/w' cannot be run: define phases.test in .animus/workflows.yaml"
    assert [(found.severity, found.message) for found in loaded.diagnostics] == [("warning", message)]
    assert loaded.config.disabled == {"a.b/w": message}
