"""What messages call the places where keys stand, and what old or mistaken keys are called now."""

from animus_workflow_runner_default.authoring.model import (
    Capabilities,
    Channel,
    Command,
    McpServer,
    Merge,
    PostSuccess,
    Retry,
    Runtime,
)
from animus_workflow_runner_default.authoring.project_shapes import (
    CatalogShape,
    IntegrationShape,
    ScheduleShape,
    TriggerShape,
)
from animus_workflow_runner_default.authoring.shapes import (
    AgentShape,
    BindingShape,
    EntryShape,
    ModelShape,
    PhaseShape,
    SecretShape,
    ToolShape,
    TopLevel,
    WorkflowRefShape,
    WorkflowShape,
)

__all__ = ["HINTS", "NOUNS"]

NOUNS: dict[type, str] = {
    AgentShape: "agent",
    BindingShape: "phase_mcp_bindings",
    Capabilities: "capabilities",
    CatalogShape: "phase_catalog",
    Channel: "channel",
    Command: "command",
    EntryShape: "phase entry",
    McpServer: "mcp server",
    Merge: "merge",
    ModelShape: "model",
    PhaseShape: "phase",
    IntegrationShape: "integration",
    PostSuccess: "post_success",
    Retry: "retry",
    Runtime: "runtime",
    ScheduleShape: "schedule",
    SecretShape: "secret",
    ToolShape: "tool",
    TopLevel: "top-level",
    TriggerShape: "trigger",
    WorkflowRefShape: "workflow_ref entry",
    WorkflowShape: "workflow",
}
"""What a message calls the place; a shape that is not listed goes by its key."""

HINTS: dict[tuple[type, str], str] = {
    (TopLevel, "pipelines"): "a list of workflows stands under 'workflows:'",
    (TopLevel, "pipeline"): "a list of workflows stands under 'workflows:'",
    (TopLevel, "id"): "a workflow stands as an item of 'workflows:'",
    (TopLevel, "workflow"): "a list of workflows stands under 'workflows:'",
    (TopLevel, "name"): "a workflow stands as an item of 'workflows:'",
    (TopLevel, "version"): "the format has no version key; remove it",
    (WorkflowShape, "steps"): "the steps of a workflow stand under 'phases:'",
    (WorkflowShape, "stages"): "the steps of a workflow stand under 'phases:'",
    (WorkflowShape, "vars"): "did you mean 'variables'?",
    (PhaseShape, "id"): "the key above is the id of the phase; remove it",
    (PhaseShape, "on_verdict"): "routing stands with the phase's entry in the workflow, not in its definition",
    (PhaseShape, "skip_if"): "it stands with the phase's entry in the workflow, not in its definition",
    (PhaseShape, "prompt"): "did you mean 'directive'?",
    (PhaseShape, "program"): "it stands inside 'command:'",
    (PhaseShape, "args"): "it stands inside 'command:'",
    (PhaseShape, "timeout_secs"): "it stands inside 'command:', 'manual:' or 'runtime:'",
    (Command, "cwd"): "did you mean 'cwd_mode' or 'cwd_path'?",
    (Command, "timeout"): "did you mean 'timeout_secs'?",
    (AgentShape, "prompt"): "did you mean 'system_prompt'?",
    (EntryShape, "id"): "the key above names the phase; remove it",
    (IntegrationShape, "auto_merge"): "merging is said per workflow: post_success.merge",
    (ScheduleShape, "command"): "a schedule dispatches a workflow; put the command into a phase",
    (ScheduleShape, "interval"): "did you mean 'every'?",
}
"""Said instead of the nearest name."""
