"""How the twin can be broken: one entry a requirement, each wrong in the one point that the requirement is about.

A defect changes the reply to a method, forgets what the method did, or is looked for by name where the twin acts.
"""

import json

CHANGES = {}
"""Requirement id to {method: change(params, reply) -> reply}."""
FORGETS = {}
"""Requirement id to the methods whose effect is forgotten."""
NAMED = {
    "manifest:valid",
    "manifest:agrees",
    "manifest:short-option",
    "manifest:no-traces",
    "handshake:answered",
    "handshake:version-refused",
    "handshake:params-required",
    "handshake:extension-ignored",
    "handshake:one-burst",
    "gate:not-initialized",
    "gate:unknown-method",
    "method:unknown",
    "method:dollar-unknown",
    "ping:answered",
    "ping:under-load",
    "health:answered",
    "id:echoed",
    "shutdown:answered",
    "eof:exit",
    "exit:without-shutdown",
    "capabilities:kinds",
    "capabilities:served",
    "notification:unanswered",
    "stdout:pure",
    "process:nothing-left",
    "environment:bare",
    "frame:malformed",
    "fault:invalid-utf8",
    "fault:byte-order-mark",
    "fault:byte-at-a-time",
    "fault:two-frames-one-write",
    "fault:pretty-printed",
    "fault:carriage-return",
    "fault:batch",
    "fault:deep-nesting",
    "fault:large-line",
    "fault:oversized-line",
    "fault:duplicate-ids",
    "fault:late-replies",
    "fault:slow-reader",
    "fault:stderr-unread",
    "fault:eof-mid-frame",
    "fault:eof-before-handshake",
    "fault:killed-anywhere",
    "fault:two-hosts",
    "queue:enqueue:expired",
    "queue:lease:limit",
    "queue:binding:required",
    "queue:durable:enqueue",
    "queue:durable:lease",
    "queue:processes:shared",
    "queue-v2:durable:fence",
    "subject:durable:killed",
    "journal:durable:killed",
    "subject:kinds:declared",
    "subject:watch:changed",
    "subject:unwatch:quiet",
    "provider:run:notes-first",
    "provider:run:session-named",
    "provider:run:session-started",
    "provider:run:control-session",
    "provider:run:environment",
    "provider:cancel:advertised",
    "provider:cancel:ended",
    "provider:cancel:request",
    "provider:ping:during-run",
    "provider:runs:parallel",
    "provider:interaction:answered",
    "provider:respond:unknown",
    "trigger:ack:notification",
    "trigger:event:told",
    "runner:ping:during-run",
    "runner:cancel:ended",
    "runner:killed:resumed",
    "runner:execute:repeated",
}
"""Looked for by name where the twin acts."""


def _set(**members):
    def change(_params, reply):
        return {"result": {**reply["result"], **members}} if "result" in reply else reply

    return change


def _answer(value):
    return lambda _params, _reply: {"result": value}


def _error(code):
    return lambda _params, _reply: {"error": {"code": code, "message": "broken"}}


def _each(name, update):
    """Change every member of a list in the result."""

    def change(_params, reply):
        if "result" not in reply:
            return reply
        items = [update(index, dict(item)) for index, item in enumerate(reply["result"][name])]
        return {"result": {**reply["result"], name: items}}

    return change


def _drop_first(name):
    return lambda _params, reply: (
        {"result": {**reply["result"], name: reply["result"][name][1:]}} if "result" in reply else reply
    )


def _kept(reply, name, is_kept):
    """Only those members of a list in the result."""
    if "result" not in reply:
        return reply
    return {"result": {**reply["result"], name: [item for item in reply["result"][name] if is_kept(item)]}}


def _reversed(name):
    return lambda _params, reply: (
        {"result": {**reply["result"], name: reply["result"][name][::-1]}} if "result" in reply else reply
    )


def _accept(value, when=lambda _params: True):
    """A refusal becomes a result, where the params are such."""
    return lambda params, reply: {"result": value} if "error" in reply and when(params) else reply


def _results(value):
    """Any result becomes this one; what is refused stays refused."""
    return lambda _params, reply: {"result": value} if "result" in reply else reply


def _says(outcome, instead):
    """One outcome is told as another."""
    return lambda _params, reply: (
        {"result": {**reply["result"], "outcome": instead}}
        if reply.get("result", {}).get("outcome") == outcome
        else reply
    )


def _names_subject(params):
    return bool((params.get("subject_dispatch") or {}).get("subject") or params.get("subject_ref"))


def _has_only(*names):
    return lambda params: set(params) <= {*names, "spelled"}


_LEASE_NAMES = ("max", "owner_id", "workflow_ids", "exclude")
_ENQUEUE_NAMES = ("subject_dispatch", "idempotency_key", "repository", "run_at", "expire_after_secs")


def _refuse(code=-32603):
    return _error(code)


def _break(requirement, **by_method):
    CHANGES[requirement] = {method.replace("__", "/"): change for method, change in by_method.items()}


_LEASED = {"leased": [], "blocked": []}
_APPLIED = {"outcome": "applied"}
_CHANGED = {"changed": True, "not_found": False}
_MISSING = {"changed": False, "not_found": True}


def _fenced(update):
    """Change the fence of what is handed out."""

    def change(_params, reply):
        reply = json.loads(json.dumps(reply))
        for leased in reply.get("result", {}).get("leased", []):
            update(leased["execution"])
        return reply

    return change


def _stop_stale(_params, reply):
    return (
        {"result": {**reply["result"], "outcome": "applied"}}
        if reply.get("result", {}).get("outcome") == "stale_fence"
        else reply
    )


def _without(name):
    return lambda _params, reply: (
        {"result": {key: value for key, value in reply["result"].items() if key != name}}
        if "result" in reply
        else reply
    )


_break(
    "queue:enqueue:listed",
    queue__list=_each(
        "entries", lambda _i, item: {**item, "subject_dispatch": {**item["subject_dispatch"], "vars": {}}}
    ),
)
_break("queue:enqueue:subject-required", queue__enqueue=_accept({"enqueued": True, "entry_id": "e", "subject_id": "s"}))
_break(
    "queue:enqueue:legacy-subject",
    queue__enqueue=lambda params, reply: _refuse(-32602)(params, reply) if '"Task"' in json.dumps(params) else reply,
)
_break("queue:enqueue:deferred", queue__stats=_set(deferred=0))
_break("queue:next_deadline:earliest", queue__next_deadline=_answer({"next_run_at": "2026-01-01T00:00:00Z"}))
_break("queue:lease:once", queue__lease=_each("leased", lambda _i, item: {**item, "status": "pending"}))
_break("queue:lease:workflow-ids", queue__lease=_reversed("leased"))
_break("queue:lease:minted-ids", queue__lease=_each("leased", lambda _i, item: {**item, "workflow_id": "same"}))
_break("queue:lease:count-mismatch", queue__lease=_accept({"leased": []}))
_break("queue:lease:order", queue__lease=_reversed("leased"))
_break(
    "queue:enqueue:due",
    queue__lease=lambda _params, reply: _kept(reply, "leased", lambda item: "run_at" not in item),
)
_break(
    "queue:lease:exclude",
    queue__lease=lambda params, reply: (
        _answer({"leased": []})(params, reply) if "exclude_subjects" in params else reply
    ),
)
_break("queue:hold:assigned-refused", queue__hold=_accept(_CHANGED))
_break("queue:completion:gone", queue__completion=_answer(_CHANGED))
_break("queue:completion:status-checked", queue__completion=_accept(_CHANGED))
_break("queue:completion:workflow-matched", queue__completion=_answer(_CHANGED))
_break("queue:release_pending:not-assigned", queue__release_pending=_accept({"entry_id": "e", "status": "pending"}))
_break("queue:reorder:front", queue__reorder=_answer({"reordered_count": 0}))
_break("queue:mark_assigned:assigned", queue__mark_assigned=_accept(_CHANGED))
_break("queue:missing:not-found", queue__drop=_answer({"changed": False, "not_found": False}))
_break("queue:list:pages", queue__list=_set(total=4))
_break("queue:stats:counted", queue__stats=_set(held=0))
FORGETS |= {
    "queue:lease:atomic": ("queue/lease",),
    "queue:hold:not-leased": ("queue/hold",),
    "queue:release:old-place": ("queue/release",),
    "queue:drop:gone": ("queue/drop",),
    "queue:release_pending:returned": ("queue/release_pending",),
    "subject:update:labels": ("subject/update",),
    "subject:status:changed": ("subject/status",),
    "subject:delete:gone": ("subject/delete",),
    "journal:delete:gone": ("journal/delete",),
    "journal:checkpoint:pruned": ("journal/checkpoint_prune",),
    "queue-v2:lease:once": ("queue/v2/lease",),
}

_break("queue-v2:enqueue:receipt", queue__v2__enqueue=_set(subject={"qualified_id": "TASK-R", "generation": 1}))
_break("queue-v2:enqueue:idempotent", queue__v2__enqueue=_set(enqueued=True))
_break(
    "queue-v2:enqueue:key-bound",
    queue__v2__enqueue=_accept(
        {"enqueued": False, "entry_id": "e", "subject": {"qualified_id": "task:TASK-B", "generation": 1}},
        _has_only(*_ENQUEUE_NAMES),
    ),
)
_break("queue-v2:enqueue:one-generation", queue__v2__enqueue=_without("warning"))
_break(
    "queue-v2:unknown-fields:refused",
    queue__v2__lease=_accept(_LEASED, lambda params: not _has_only(*_LEASE_NAMES)(params)),
)
_break("queue-v2:lease:fence", queue__v2__lease=_fenced(lambda fence: fence.update(workflow_id="another")))
_break(
    "queue-v2:lease:ids-checked",
    queue__v2__lease=_accept(
        _LEASED, lambda params: _has_only(*_LEASE_NAMES)(params) and bool(params.get("owner_id", "").strip())
    ),
)
_break(
    "queue-v2:lease:owner-required",
    queue__v2__lease=_accept(_LEASED, lambda params: not params.get("owner_id", "").strip()),
)
_break("queue-v2:lease:repository-collision", queue__v2__lease=_without("blocked"))
_break("queue-v2:renew:applied", **{"queue/v2/lease/renew": _says("applied", "stale_fence")})
_break("queue-v2:fence:stale-refused", queue__v2__completion=_stop_stale)
_break("queue-v2:fence:missing", **{"queue/v2/lease/renew": _says("not_found", "stale_fence")})
_break("queue-v2:completion:once", queue__v2__completion=_says("already_applied", "applied"))
_break("queue-v2:completion:old-grant", queue__v2__completion=_says("stale_fence", "applied"))
_break(
    "queue-v2:release_pending:keeps-run",
    queue__v2__lease=_fenced(lambda fence: fence["queue_lease"].update(generation=1)),
)
_break("queue-v2:recover:live", **{"queue/v2/lease/recover": _results(_APPLIED)})
_break("queue-v2:recover:expired", **{"queue/v2/lease/renew": _stop_stale})
_break("queue-v2:unfenced:refused", queue__release_pending=_accept({"entry_id": "e", "status": "pending"}))

_break("subject:list:answered", subject__list=_error(-32603))
_break(
    "subject:spelling:both",
    subject__get=lambda params, reply: reply if params.get("spelled") else _set(title="other")(params, reply),
)
_break(
    "subject:create:returned",
    subject__create=lambda _p, reply: {"result": {**reply["result"], "id": "TASK-1"}} if "result" in reply else reply,
)
_break(
    "subject:create:without-kind",
    subject__create=lambda params, reply: reply if "kind" in params else _error(-32602)(params, reply),
)
_break("subject:get:same", subject__get=_set(labels=[]))
_break(
    "subject:get:missing",
    subject__get=lambda _p, reply: {"error": {"code": -32602, "message": "no"}} if "error" in reply else reply,
)
_break("subject:list:both-forms", subject__list=_drop_first("subjects"))
_break("subject:list:kind-prefix", subject__list=_drop_first("subjects"))
_break("subject:list:status", subject__list=_drop_first("subjects"))
_break("subject:list:pages", subject__list=_without("next_cursor"))
_break("subject:update:assignee", subject__update=_set(assignee="ada"))
_break("subject:update:custom-null", subject__update=_set(custom={"a": None, "b": 2, "c": [None]}))
_break(
    "subject:status:closed",
    subject__status=_accept(
        {
            "id": "task:1",
            "kind": "task",
            "title": "t",
            "status": "ready",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }
    ),
)
_break("subject:next:shape", subject__next=_answer({}))
_break("subject:schema:agrees", subject__schema=_set(supports_watch=False))

_break("config:load:model", config__load=_set(config={"schema": "other", "version": 2, "config": {}}))
_count = iter(range(10**6))


def _another_token(params, reply):
    return _set(cache_token={"version": str(next(_count)), "external_inputs": False})(params, reply)


_break("config:load:stable", config__load=_another_token)
_break(
    "config:load:binding",
    config__load=_accept(
        {"config": {"schema": "animus.workflow-config.v2", "version": 2, "config": {}}, "cache_token": {"version": "1"}}
    ),
)
_break(
    "config:validate:clean",
    config__validate=_answer({"diagnostics": [{"severity": "error", "message": "m", "file": "f"}]}),
)
_break("config:validate:positions", config__validate=_answer({}))

_break(
    "journal:save:loaded", journal__load=lambda _p, reply: {"result": {"run": {**reply["result"]["run"], "blob": {}}}}
)
FORGETS["journal:save:replaced"] = ("journal/save again",)
_break(
    "journal:load:explicit-null",
    journal__load=lambda _p, reply: {"result": {}} if reply["result"]["run"] is None else reply,
)
_break("journal:list:filtered", journal__list=_answer({"runs": []}))
_break("journal:list:truncated", journal__list=_set(truncated=False))
_break("journal:query_ids:agrees", journal__query_ids=_reversed("ids"))
_break("journal:checkpoint:loaded", journal__checkpoint_load=_without("blob"))
_break("journal:events:recorded", journal__events=_reversed("events"))
_break("journal:events:kind-closed", journal__record=_accept(None))
_break("journal:schema:agrees", journal__schema=_set(supports_events=False))

_break("provider:run:result", agent__run=_set(session_id="other"))
_break("provider:run:lists", agent__run=_without("errors"))
_break("provider:run:failed", agent__run=_set(exit_code=0))
_AGENT_RAN = {"session_id": "s", "exit_code": 0, "output": "", "duration_ms": 0, "backend": "b"}
_break("provider:run:prompt-required", agent__run=_accept(_AGENT_RAN, lambda params: "prompt" not in params))
_break("provider:run:approvals", agent__run=_accept(_AGENT_RAN, lambda params: "approvals" in params))

_NO_WORKFLOW, _BAD_PARAMS = -32101, -32602
_RUN = {
    "workflow_id": "wf-1",
    "workflow_ref": "passing",
    "workflow_status": "completed",
    "subject_id": "s",
    "execution_cwd": ".",
    "phases_requested": [],
    "phases_completed": 0,
    "phases_total": 0,
    "total_duration_secs": 0,
    "phase_results": [],
    "post_success": None,
    "success": True,
}
_break("runner:execute:completed", workflow__execute=_set(success=False))
_break("runner:execute:failed", workflow__execute=_set(success=True))
_break(
    "runner:execute:unknown-workflow",
    workflow__execute=lambda _params, reply: (
        {"result": _RUN} if reply.get("error", {}).get("code") == _NO_WORKFLOW else reply
    ),
)
_break(
    "runner:execute:subject-required",
    workflow__execute=_accept(_RUN, lambda params: not _names_subject(params)),
)
_break("runner:execute:fence-echoed", workflow__execute=_without("execution_fence"))
_break(
    "runner:execute:other-subject",
    workflow__execute=lambda params, reply: (
        {"result": _RUN} if _names_subject(params) and reply.get("error", {}).get("code") == _BAD_PARAMS else reply
    ),
)
_break(
    "runner:execute:subject-ref",
    workflow__execute=lambda params, reply: _error(-32602)(params, reply) if "subject_ref" in params else reply,
)
_break("runner:signal:gate", workflow__signal=_set(runnable=False))
FORGETS["runner:signal:gate-durable"] = ("workflow/signal",)
FORGETS["runner:signal:rejected"] = ("workflow/signal",)
_break("runner:signal:rejected", workflow__execute=_set(workflow_status="completed"))
_break(
    "runner:signal:unknown-run",
    workflow__signal=_accept({"workflow_id": "nobody", "status": "cancelled", "runnable": False}),
)
_break("runner:run_phase:completed", workflow__run_phase=_set(phase_status="failed"))

_break("trigger:watch:answered", trigger__watch=_set(watching=False))
_break("trigger:schema:agrees", trigger__schema=_set(supports_ack=False))
_break("trigger:ack:answered", trigger__ack=_set(event_id="another"))
_break("trigger:ack:event-required", trigger__ack=_accept({"event_id": "e", "acked": True}))

ALL = frozenset({*NAMED, *CHANGES, *FORGETS})
