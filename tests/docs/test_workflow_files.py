"""The reference of workflow files says what the loader does."""

import msgspec
import pytest

from animus_workflow_runner_default.authoring import model, phase_model, project_shapes, shapes
from animus_workflow_runner_default.authoring.loading import load
from animus_workflow_runner_default.engine.routing import GATES

PAGE = "docs/workflow-files.md"
_ACTED_ON = (
    shapes.TopLevel,
    shapes.WorkflowShape,
    shapes.WorktreeShape,
    shapes.EntryShape,
    shapes.WorkflowRefShape,
    shapes.RouteShape,
    shapes.PhaseShape,
    shapes.AgentShape,
    shapes.ToolShape,
    shapes.ModelShape,
    model.AgentCapabilities,
    model.ApprovalPolicy,
    model.Channel,
    model.Communication,
    model.Hooks,
    model.InputMatcher,
    model.McpServer,
    model.Merge,
    model.Persona,
    model.PolicyRule,
    model.PostSuccess,
    model.ToolObserver,
    model.ToolPolicy,
    shapes.MemoryShape,
    model.Variable,
    phase_model.Runtime,
    phase_model.Capabilities,
    phase_model.Retry,
    phase_model.Backoff,
    phase_model.Command,
    phase_model.Manual,
    phase_model.DecisionContract,
    phase_model.OutputContract,
    phase_model.FieldSpec,
    phase_model.Evals,
    phase_model.EvalCheck,
    model.Budget,
    shapes.SecretShape,
    *(getattr(project_shapes, name) for name in project_shapes.__all__),
)


def _words(text: str) -> set[str]:
    """Everything between backquotes, and its parts."""
    return {word for quoted in text.split("`")[1::2] for word in quoted.replace(".", " ").replace(":", " ").split()}


def test_every_yaml_block_loads_without_a_finding(blocks, tmp_path):
    yaml = [block for block in blocks(PAGE) if block.language == "yaml"]
    for block in yaml:
        project = tmp_path / f"line-{block.line}"
        folder = project / ".animus"
        folder.mkdir(parents=True)
        (folder / "workflows.yaml").write_text(block.text, encoding="utf-8")
        loaded = load(project, [], {})
        assert [str(found) for found in loaded.diagnostics] == [], f"{PAGE}:{block.line}"
        assert loaded.config.workflows
    assert yaml


@pytest.mark.parametrize("shape", _ACTED_ON, ids=lambda shape: shape.__name__)
def test_every_key_is_described(shape, page_text):
    keys = {field.encode_name for field in msgspec.structs.fields(shape)}
    assert keys - _words(page_text(PAGE)) == set()


def test_the_defaults_on_the_page_are_those_of_the_definitions(page_text):
    text = page_text(PAGE)
    command = phase_model.Command(program="x")
    for row in (
        f"| `timeout_secs` | {command.timeout_secs} |",
        f"| `excerpt_max_chars` | {command.excerpt_max_chars} |",
        f"| `success_exit_codes` | `{command.success_exit_codes}` |",
        f"| `cwd_mode` | `{command.cwd_mode}` |",
        f"| `on_success_verdict` | `{command.on_success_verdict}` |",
        f"| `on_failure_verdict` | `{command.on_failure_verdict}` |",
        f"| `failure_risk` | `{command.failure_risk}` |",
        f"| `confidence` | {command.confidence} |",
        f"| `retry.max_attempts` | {phase_model.Retry().max_attempts} |",
        f"| `strategy` | `{model.Merge().strategy}` |",
    ):
        assert row in text


def test_the_verdict_table_has_a_row_for_each_gate_of_the_runner(page_text):
    table = page_text(PAGE).partition("## Where a verdict leads")[2].partition("\n\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(GATES)
