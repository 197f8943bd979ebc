import msgspec
from hypothesis import given
from hypothesis import strategies as st

from animus_workflow_runner_default.authoring.model import (
    Command,
    CompiledConfig,
    Phase,
    PhaseEntry,
    Workflow,
    digest,
    secret_variables,
)


def config(*names: str, source: str = "a:1") -> CompiledConfig:
    return CompiledConfig(
        workflows={
            name: Workflow(id=name, name=name, phases=[PhaseEntry(path="p", phase_id="p")], source=source)
            for name in names
        },
        phases={"p": Phase(id="p", mode="command", command=Command(program="x"), source=source)},
    )


def test_configuration_survives_json():
    before = config("a", "b")
    assert msgspec.json.decode(msgspec.json.encode(before), type=CompiledConfig) == before


def test_configuration_of_a_newer_release_is_read_back():
    data = msgspec.to_builtins(config("a"))
    data["workflows"]["a"]["news"] = 1
    assert msgspec.convert(data, CompiledConfig) == config("a")


@given(st.permutations(["a", "b", "c"]))
def test_digest_does_not_depend_on_order_or_place(names):
    assert digest(config(*names, source="z:9")) == digest(config("a", "b", "c"))


def test_digest_depends_on_what_is_defined():
    assert digest(config("a")) != digest(config("b"))
    assert digest(config("a")) != digest(msgspec.structs.replace(config("a"), tools_allowlist=[]))


def test_secrets_name_their_variables():
    assert secret_variables(CompiledConfig(secrets={"TOKEN": {"env": "GH_TOKEN"}})) == {"TOKEN": "GH_TOKEN"}
