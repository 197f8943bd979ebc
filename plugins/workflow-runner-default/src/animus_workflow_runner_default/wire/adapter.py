"""The plugin: wire methods in, the runner's own calls out."""

from animus_plugin_protocol import AsyncContext, Plugin, methods
from animus_plugin_protocol.wire.config_source import ConfigLoadParams, ConfigLoadResult, ConfigValidateResult
from animus_plugin_protocol.wire.workflow_runner import (
    WorkflowExecuteParams,
    WorkflowExecuteResult,
    WorkflowInspectParams,
    WorkflowInspectResult,
    WorkflowRunnerCapabilities,
    WorkflowRunPhaseParams,
    WorkflowRunPhaseResult,
    WorkflowSignalParams,
    WorkflowSignalResult,
)
from animus_workflow_runner_default.engine.continuity import RUNNER_VERSION
from animus_workflow_runner_default.engine.happening import Happening
from animus_workflow_runner_default.engine.inspection import inspect
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.single_phase import run_single_phase
from animus_workflow_runner_default.wire.binding import Binding, OpenServices, faults
from animus_workflow_runner_default.wire.host_agent import HostAgentCaller
from animus_workflow_runner_default.wire.host_notifier import HostNotifier
from animus_workflow_runner_default.wire.journal import register_journal
from animus_workflow_runner_default.wire.run import execute_request, execute_result, phase_event, signal_of

__all__ = ["build"]

DESCRIPTION = "The default workflow runner: phases, verdicts, rework and gates from YAML, journalled in SQLite."


def build(open_services: OpenServices = Services) -> Plugin:
    """The plugin, not yet running; `open_services` makes what its runs share."""
    plugin = Plugin("animus-workflow-runner-default", RUNNER_VERSION, description=DESCRIPTION)
    binding = Binding(open_services)
    _register_runner(plugin, binding)
    _register_config(plugin, binding)
    register_journal(plugin, binding)
    plugin.capability("$host/call:provider")
    plugin.capability("$host/call:notifier")
    plugin.advertise(
        "workflow_runner",
        WorkflowRunnerCapabilities(
            phase_decision_parsing=True,
            rework_context_support=True,
            post_success_actions=True,
            execution_fence_v1=True,
            crash_recovery=True,
            manual_pause_support=True,
        ),
    )
    plugin.on_initialize(binding.bind)
    plugin.on_shutdown(binding.close)
    return plugin


def _register_runner(plugin: Plugin, binding: Binding) -> None:
    def caller(context: AsyncContext) -> HostAgentCaller | None:
        return None if plugin.extensions.host_calls is None else HostAgentCaller(context)

    @plugin.register_method(methods.WORKFLOW_EXECUTE)
    async def execute(params: WorkflowExecuteParams, context: AsyncContext) -> WorkflowExecuteResult:
        def tell(happening: Happening) -> None:
            context.progress(phase_event(happening))

        with faults():
            await binding.wait_swept()
            notifier = None if plugin.extensions.host_calls is None else HostNotifier(context)
            report = await binding.runner.execute(execute_request(params), caller(context), tell, notifier)
            return execute_result(params, report, str(binding.services.project_root))

    @plugin.register_method(methods.WORKFLOW_RUN_PHASE)
    async def run_phase(params: WorkflowRunPhaseParams, context: AsyncContext) -> WorkflowRunPhaseResult:
        with faults():
            await binding.wait_swept()
            return await run_single_phase(binding.runner, params, caller(context))

    @plugin.register_method(methods.WORKFLOW_SIGNAL)
    async def signal(params: WorkflowSignalParams) -> WorkflowSignalResult:
        with faults():
            asked = signal_of(params)
            report = await binding.runner.signal(params.workflow_id, asked)
            return WorkflowSignalResult(
                workflow_id=params.workflow_id,
                status=report.run.status.value,
                runnable=report.is_runnable,
                message=report.message,
            )

    @plugin.register_method(methods.WORKFLOW_INSPECT)
    async def inspect_(params: WorkflowInspectParams) -> WorkflowInspectResult:
        with faults():
            value = await inspect(binding.runner, params.what, params.workflow_id, params.phase_id)
            return WorkflowInspectResult(what=params.what, value=value)


def _register_config(plugin: Plugin, binding: Binding) -> None:
    @plugin.register_method(methods.CONFIG_LOAD)
    def load(params: ConfigLoadParams) -> ConfigLoadResult:
        return binding.source.load(params)

    @plugin.register_method(methods.CONFIG_VALIDATE)
    def validate(params: ConfigLoadParams) -> ConfigValidateResult:
        return binding.source.validate(params)
