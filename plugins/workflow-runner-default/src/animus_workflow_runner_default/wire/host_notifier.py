"""Notifications through the host: tells its notifier plugins of a run that asked for that."""

import uuid
from typing import Any

import msgspec

from animus_plugin_protocol import AsyncContext, RpcFault, methods
from animus_plugin_protocol.wire.notifier import DaemonEventRecord, NotifierNotifyParams, NotifierNotifyResult
from animus_workflow_runner_default.engine.notice import Notice, NoticeError

__all__ = ["HostNotifier"]

EVENT_SCHEMA = "animus.daemon.event.v1"
TIMEOUT_SECONDS = 30.0


class HostNotifier:
    """Tells for one request of the host."""

    def __init__(self, context: AsyncContext) -> None:
        self._context = context

    async def __call__(self, notice: Notice) -> str:
        """Tell; what became of it, in words.

        Raises:
            NoticeError: there is no notifier, or it refused or failed.
        """
        data: dict[str, Any] = msgspec.to_builtins(notice.data)
        record = DaemonEventRecord(
            schema=EVENT_SCHEMA,
            # The same run told again after a crash is the same event: a notifier may tell them apart by it.
            id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{notice.event_type}:{notice.run_id}")),
            timestamp=notice.timestamp,
            event_type=notice.event_type,
            data=data,
            project_root=notice.project_root,
        )
        try:
            raw = await self._context.call_host(
                "notifier",
                methods.NOTIFIER_NOTIFY,
                NotifierNotifyParams(event=record),
                run_id=notice.run_id,
                timeout_seconds=TIMEOUT_SECONDS,
            )
            result = msgspec.json.decode(raw, type=NotifierNotifyResult)
        except RpcFault as fault:
            raise NoticeError(f"{fault.message} (code {fault.code})") from fault
        except msgspec.DecodeError as error:
            raise NoticeError(f"the notifier's answer cannot be read: {error}") from error
        if not result.accepted:
            raise NoticeError("the notifier did not accept it")
        return "delivered" if result.delivered else "accepted"
