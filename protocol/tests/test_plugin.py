"""Registration: what fits, what is refused and with which words; manifest and handshake from one declaration."""

import json
import os
import threading
from typing import Any

import pytest

from animus_plugin_protocol import AsyncContext, Context, FatalError, Plugin, RegistrationError, methods
from animus_plugin_protocol.wire.lifecycle import EnvRequirement, HealthCheckResult, InitializeResult, PluginManifest
from animus_plugin_protocol.wire.provider import ProviderCapabilities
from animus_plugin_protocol.wire.queue import (
    QueueCapabilities,
    QueueEntryParams,
    QueueLeaseParams,
    QueueLeaseResult,
    QueueMutationResult,
    QueueStats,
)
from animus_plugin_protocol.wire.subject import Subject, SubjectIdParams, SubjectNextParams, SubjectSchema
from animus_plugin_protocol.wire.trigger import TriggerWatchParams


def stats(params: None) -> QueueStats:
    return QueueStats(total=0, pending=0, assigned=0, held=0)


@pytest.fixture
def plugin():
    return Plugin("animus-some-queue", "0.1.0")


def test_a_function_a_method_and_a_callable_object_are_handlers(plugin):
    class Store:
        def release(self, params: QueueEntryParams) -> QueueMutationResult:
            return QueueMutationResult(changed=True)

        def __call__(self, params: QueueEntryParams, context: Context) -> QueueMutationResult:
            return QueueMutationResult(changed=False)

    assert plugin.register_method(methods.QUEUE_STATS, stats) is stats
    plugin.register_method(methods.QUEUE_RELEASE, Store().release)
    plugin.register_method(methods.QUEUE_DROP, Store())
    routes = plugin.declaration().routes
    assert [route.wants_context for route in routes.values()] == [False, False, True]


def test_the_decorator_gives_the_function_back(plugin):
    assert plugin.register_method(methods.QUEUE_STATS)(stats) is stats
    assert plugin.register_method(methods.QUEUE_DROP, inline=True)


def wrong_params(params: QueueEntryParams) -> QueueLeaseResult:
    raise NotImplementedError


def wrong_result(params: QueueLeaseParams) -> QueueStats:
    raise NotImplementedError


def no_annotation(params) -> QueueLeaseResult:
    raise NotImplementedError


def no_result(params: QueueLeaseParams):
    raise NotImplementedError


def no_arguments() -> QueueLeaseResult:
    raise NotImplementedError


def too_many(params: QueueLeaseParams, context: Context, more: int) -> QueueLeaseResult:
    raise NotImplementedError


def async_context_in_plain(params: QueueLeaseParams, context: AsyncContext) -> QueueLeaseResult:
    raise NotImplementedError


async def plain_context_in_async(params: QueueLeaseParams, context: Context) -> QueueLeaseResult:
    raise NotImplementedError


def unresolvable(params: "NoSuchType") -> QueueLeaseResult:  # noqa: F821 - that is the point
    raise NotImplementedError


@pytest.mark.parametrize(
    ("handler", "expected", "found"),
    [
        (wrong_params, "QueueLeaseParams", "QueueEntryParams"),
        (wrong_result, "QueueLeaseResult", "QueueStats"),
        (no_annotation, "parameter 'params'", "no annotation"),
        (no_result, "its result", "no annotation"),
        (no_arguments, "(params)", "takes ()"),
        (too_many, "(params, context)", "takes (params, context, more)"),
        (async_context_in_plain, "context.Context", "context.AsyncContext"),
        (plain_context_in_async, "context.AsyncContext", "context.Context"),
        (unresolvable, "cannot be resolved", "NoSuchType"),
    ],
)
def test_a_handler_that_does_not_fit_is_refused_by_name_and_type(plugin, handler, expected, found):
    with pytest.raises(RegistrationError) as caught:
        plugin.register_method(methods.QUEUE_LEASE, handler)
    message = str(caught.value)
    for part in (handler.__name__, "animus-some-queue", "queue/lease", expected, found):
        assert part in message


def test_a_built_in_function_is_no_handler(plugin):
    with pytest.raises(RegistrationError, match="len"):
        plugin.register_method(methods.QUEUE_STATS, len)


def test_a_method_without_params_wants_none_annotated(plugin):
    def takes_some(params: QueueLeaseParams) -> QueueStats:
        raise NotImplementedError

    with pytest.raises(RegistrationError, match="must be annotated None"):
        plugin.register_method(methods.QUEUE_STATS, takes_some)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("queue/statistics", "did you mean 'queue/stats'"),
        ("probe/anything", "kind='custom'"),
        (methods.HEALTH_CHECK, "on_health"),
        (methods.SHUTDOWN, "on_shutdown"),
        (methods.INITIALIZE, "on_initialize"),
        (methods.PING, "by itself"),
        (methods.SUBJECT_CHANGED, "context.notify"),
        (methods.AGENT_OUTPUT, "context.notify"),
    ],
)
def test_a_method_that_is_not_for_plugins_is_refused_with_advice(plugin, method, words):
    with pytest.raises(RegistrationError, match=words):
        plugin.register_method(method, stats)


def test_a_method_is_registered_once(plugin):
    plugin.register_method(methods.QUEUE_STATS, stats)
    with pytest.raises(RegistrationError, match="registered already"):
        plugin.register_method(methods.QUEUE_STATS, stats)


def test_an_async_handler_cannot_be_inline(plugin):
    async def lease(params: QueueLeaseParams) -> QueueLeaseResult:
        raise NotImplementedError

    with pytest.raises(RegistrationError, match="inline"):
        plugin.register_method(methods.QUEUE_LEASE, lease, inline=True)


@pytest.mark.parametrize("register", [Plugin.on_initialize, Plugin.on_health, Plugin.register_flush])
def test_a_callback_that_runs_on_the_reader_cannot_be_async(plugin, register):
    async def callback(*_arguments: object) -> None:
        raise NotImplementedError

    with pytest.raises(RegistrationError, match="not async"):
        register(plugin, callback)


def test_a_plugin_without_methods_is_of_no_kind(plugin):
    with pytest.raises(RegistrationError, match="of no kind"):
        plugin.declaration()


def test_only_a_plugin_with_an_async_part_needs_asyncio(plugin):
    plugin.register_method(methods.QUEUE_STATS, stats)
    assert not plugin.declaration().is_async

    @plugin.on_shutdown
    async def stop() -> None:
        raise NotImplementedError

    assert plugin.declaration().is_async


def full_plugin() -> Plugin:
    plugin = Plugin("animus-many", "1.2.3", description="Many kinds.", notification_buffer_size=512)

    @plugin.register_method(methods.SUBJECT_GET)
    def get(params: SubjectIdParams, context: Context) -> Subject:
        raise NotImplementedError

    @plugin.register_method(methods.SUBJECT_NEXT)
    def next_subject(params: SubjectNextParams) -> Any:
        return None

    @plugin.register_method(methods.SUBJECT_SCHEMA)
    def schema(params: None) -> SubjectSchema:
        raise NotImplementedError

    plugin.register_method(methods.QUEUE_STATS, stats)
    plugin.subject_kinds = ("task", "requirement")
    plugin.capability("$host/call:provider")
    plugin.capability("$host/call:provider")
    plugin.advertise("queue", QueueCapabilities(max_lease_batch=5))
    plugin.advertise("provider", ProviderCapabilities(tools=["x"]))
    plugin.require_env(EnvRequirement(name="TOKEN", sensitive=True))
    return plugin


def test_kinds_follow_from_methods_and_the_first_is_primary():
    manifest = full_plugin().declaration().manifest()
    assert (manifest.plugin_kind, manifest.plugin_kinds) == ("subject_backend", ["queue"])
    assert manifest.serves_kind("queue")
    assert manifest.serves_kind("subject_backend")
    assert not manifest.serves_kind("provider")


def test_a_kind_given_by_hand_is_primary():
    plugin = Plugin("p", "1.0.0", kind="queue")

    @plugin.register_method(methods.SUBJECT_NEXT)
    def next_subject(params: SubjectNextParams) -> Any:
        return None

    plugin.register_method(methods.QUEUE_STATS, stats)
    assert plugin.declaration().kinds == ("queue", "subject_backend")


def test_a_plugin_of_a_kind_of_its_own_names_its_methods_freely():
    plugin = Plugin("p", "1.0.0", kind="lighthouse")

    @plugin.register_method("lighthouse/notify")
    def notify(params: dict[str, Any]) -> Any:
        return {}

    manifest = plugin.declaration().manifest()
    assert (manifest.plugin_kind, manifest.capabilities) == ("lighthouse", ["lighthouse/notify", "health/check"])


def test_manifest_and_handshake_say_the_same():
    declaration = full_plugin().declaration()
    manifest, result = declaration.manifest(), declaration.initialize_result()
    tokens = ["subject_kind:task", "subject_kind:requirement"]
    assert manifest.capabilities == [*result.capabilities.methods, *tokens]
    assert result.capabilities.subject_kinds == ["task", "requirement"]
    info = result.plugin_info
    assert (manifest.name, manifest.version, manifest.description) == (info.name, info.version, info.description)
    assert (manifest.plugin_kind, manifest.plugin_kinds) == (info.plugin_kind, info.plugin_kinds)
    assert manifest.protocol_version == result.protocol_version


def test_the_methods_are_the_registered_ones_their_spellings_by_kind_the_capabilities_and_health():
    assert full_plugin().declaration().initialize_result().capabilities.methods == [
        "subject/get",
        "subject/next",
        "subject/schema",
        "queue/stats",
        "task/get",
        "requirement/get",
        "task/next",
        "requirement/next",
        "task/schema",
        "requirement/schema",
        "$host/call:provider",
        "health/check",
    ]


def test_each_kind_shows_its_contract_version_and_capabilities():
    result = full_plugin().declaration().initialize_result()
    assert set(result.kind_capabilities) == {"subject_backend", "queue"}
    assert result.kind_capabilities["queue"].crate_version == methods.CRATE_VERSIONS["queue"]
    assert result.kind_capabilities["queue"].extra == QueueCapabilities(max_lease_batch=5)
    assert result.kind_capabilities["subject_backend"].extra is None


def test_the_manifest_travels(capfdbinary):
    assert full_plugin().run(["--manifest"]) == 0
    import msgspec

    out = capfdbinary.readouterr().out
    assert msgspec.json.decode(out, type=PluginManifest) == full_plugin().declaration().manifest()
    written = json.loads(out)
    assert written["env_required"] == [{"name": "TOKEN", "sensitive": True, "required": False}]
    assert written["notification_buffer_size"] == 512


def test_a_subject_method_called_by_kind_tells_the_handler_the_kind(run_in_thread):
    seen = []
    plugin = Plugin("animus-subjects", "0.1.0")

    @plugin.register_method(methods.SUBJECT_NEXT)
    def next_subject(params: SubjectNextParams, context: Context) -> Any:
        seen.append((context.method, context.subject_kind))

    plugin.subject_kinds = ("task",)
    host = run_in_thread(plugin)
    host.handshake()
    assert host.result("task/next") is None
    assert host.result("subject/next", {"kind": "task"}) is None
    assert host.error("requirement/next")["code"] == -32601
    assert seen == [("task/next", "task"), ("subject/next", None)]


def test_the_health_callback_answers_and_its_failure_is_unhealthy(run_in_thread, capfd):
    plugin = Plugin("animus-ill", "0.1.0", clock=iter([100.0, 100.25, 101.0]).__next__)
    plugin.register_method(methods.QUEUE_STATS, stats)
    answers = [HealthCheckResult(status="degraded", last_error="disk is slow")]

    def answers_in_order() -> HealthCheckResult:
        return answers.pop()

    plugin.on_health(answers_in_order)
    host = run_in_thread(plugin)
    assert host.result("health/check") == {"status": "degraded", "last_error": "disk is slow", "uptime_ms": 250}
    unhealthy = host.result("health/check")
    assert (unhealthy["status"], unhealthy["uptime_ms"]) == ("unhealthy", 1000)
    assert "IndexError" in unhealthy["last_error"]


def test_extensions_are_readable_after_the_handshake_only(run_in_thread):
    plugin = Plugin("animus-some-queue", "0.1.0")
    plugin.register_method(methods.QUEUE_STATS, stats)
    assert plugin.extensions.packs == []
    host = run_in_thread(plugin)
    host.initialize(extensions={"packs": [{"id": "task", "version": "1", "root": "/r"}]})
    assert plugin.extensions.packs[0].root == "/r"


def test_a_refusing_callback_leaves_no_extensions_behind(run_in_thread):
    from animus_plugin_protocol import RefusedError

    plugin = Plugin("animus-some-queue", "0.1.0")
    plugin.register_method(methods.QUEUE_STATS, stats)

    @plugin.on_initialize
    def refuse(params: Any) -> None:
        assert plugin.extensions.packs
        raise RefusedError("no")

    host = run_in_thread(plugin)
    assert (
        host.initialize(extensions={"packs": [{"id": "t", "version": "1", "root": "/r"}]})["error"]["message"] == "no"
    )
    assert plugin.extensions.packs == []


def test_async_shutdown_callbacks_run_in_the_loop(run_in_thread):
    import asyncio

    plugin = Plugin("animus-some-queue", "0.1.0")
    plugin.register_method(methods.QUEUE_STATS, stats)
    ran = []

    @plugin.on_shutdown
    async def stop() -> None:
        await asyncio.sleep(0)
        ran.append(asyncio.get_running_loop().is_running())

    @plugin.on_shutdown
    def stop_plainly() -> None:
        ran.append("plain")

    host = run_in_thread(plugin)
    host.handshake()
    assert host.result("queue/stats")["total"] == 0
    assert host.result("shutdown") == {}
    assert ran == [True, "plain"]


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_a_bad_shutdown_callback_does_not_keep_the_plugin(run_in_thread, capfd, how, request):
    import threading

    plugin = Plugin("animus-some-queue", "0.1.0")
    plugin.register_method(methods.QUEUE_STATS, stats)
    never = threading.Event()
    request.addfinalizer(never.set)
    ran = []

    @plugin.on_shutdown
    def stop() -> None:
        if how == "raises":
            raise OSError("no")
        never.wait(60)

    plugin.on_shutdown(lambda: ran.append(True))
    host = run_in_thread(plugin)
    assert host.result("shutdown") == {}
    assert ran == [True]


def test_the_handshake_result_is_decodable_by_a_host(run_in_thread):
    import msgspec

    host = run_in_thread(full_plugin())
    assert msgspec.convert(host.handshake(), type=InitializeResult).capabilities.cancellation


def test_notification_of_no_request_is_written_at_any_time_and_needs_a_host():
    plugin = Plugin("teller", "0.1.0", description="double")
    to_plugin, from_host = os.pipe()
    to_host, from_plugin = os.pipe()

    def watch(params: TriggerWatchParams) -> Any:
        return {"watching": True}

    plugin.register_method(methods.TRIGGER_WATCH, watch)
    with pytest.raises(FatalError, match="no host yet"):
        plugin.notify(methods.TRIGGER_EVENT, {"event_id": "1"})
    stdin, stdout = os.fdopen(to_plugin, "rb", buffering=0), os.fdopen(from_plugin, "wb", buffering=0)
    thread = threading.Thread(target=plugin.run, kwargs={"stdin": stdin, "stdout": stdout})
    thread.start()
    with os.fdopen(from_host, "wb", buffering=0) as writer, os.fdopen(to_host, "rb") as reader:
        writer.write(
            b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol_version":"1.1.0","host_info":{"name":"h","version":"1"},"capabilities":{}}}\n'
        )
        assert b"result" in reader.readline()
        plugin.notify(methods.TRIGGER_EVENT, {"event_id": "1"})
        assert json.loads(reader.readline())["params"] == {"event_id": "1"}
        writer.close()
        thread.join(60)
    assert not thread.is_alive()
    stdin.close()
    stdout.close()
