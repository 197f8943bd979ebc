"""The conversation_store kind (protocol section 13).

Every request carries the scope (`project_root`, `repo_scope`) flat beside its own fields, and all but create an
`as_user`, a hint whose eyes are meant.
"""

import enum
from typing import Annotated, Any

import msgspec

from animus_plugin_protocol.wire.presence import Wire, always, always_list

__all__ = [
    "ChatMessage",
    "ConversationAppendMessageParams",
    "ConversationCreateParams",
    "ConversationCreateResult",
    "ConversationIdParams",
    "ConversationListParams",
    "ConversationListResult",
    "ConversationLoadMessagesResult",
    "ConversationLoadMetaResult",
    "ConversationMeta",
    "ConversationSaveMetaParams",
    "ConversationScope",
    "ConversationSummary",
    "Visibility",
]

_Count = Annotated[int, msgspec.Meta(ge=0)]
_OperationId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]


class Visibility(enum.StrEnum):
    """Who sees a conversation. Closed."""

    PRIVATE = "private"
    SHARED = "shared"


class ConversationScope(Wire, frozen=True, kw_only=True):
    """Which project's conversations."""

    project_root: str | None = None
    repo_scope: str | None = None


class ConversationMeta(Wire, frozen=True, kw_only=True):
    """What is known of a conversation besides its messages; `agent_id` never changes once set."""

    id: str
    created_at: str
    updated_at: str
    tool: str | None = None
    model: str | None = None
    session_id: str | None = None
    title: str | None = None
    message_count: _Count = always(0)
    owner: str | None = None
    visibility: Visibility = always(Visibility.PRIVATE)
    agent_id: str | None = None
    revision: _Count = always(0)
    active_operation_id: _OperationId | None = None


class ChatMessage(Wire, frozen=True, kw_only=True):
    """A message; `seq` counts from 0, is given by the client and is never renumbered."""

    seq: _Count
    role: str
    content: str
    recorded_at: str
    tool: str | None = None
    model: str | None = None
    usage: Any = None
    cost_usd: float | None = None
    blocks: list[Any] = []


class ConversationSummary(Wire, frozen=True, kw_only=True):
    """A conversation in a list."""

    id: str
    message_count: _Count
    updated_at: str
    title: str | None = None
    tool: str | None = None
    model: str | None = None
    owner: str | None = None
    visibility: Visibility = always(Visibility.PRIVATE)
    agent_id: str | None = None
    revision: _Count = always(0)


class ConversationCreateParams(ConversationScope, frozen=True, kw_only=True):
    """Begin a conversation."""

    id: str | None = None
    owner: str | None = None
    visibility: Visibility = always(Visibility.PRIVATE)
    agent_id: str | None = None


class ConversationCreateResult(Wire, frozen=True, kw_only=True):
    """The new conversation."""

    meta: ConversationMeta


class ConversationIdParams(ConversationScope, frozen=True, kw_only=True):
    """Names one conversation (load_meta, load_messages, delete)."""

    id: str
    as_user: str | None = None


class ConversationLoadMetaResult(Wire, frozen=True, kw_only=True):
    """The conversation, if there is one."""

    meta: ConversationMeta | None = None


class ConversationSaveMetaParams(ConversationScope, frozen=True, kw_only=True):
    """Replace what is known; with `expected_revision` only if nobody else did since."""

    meta: ConversationMeta
    as_user: str | None = None
    expected_revision: _Count | None = None


class ConversationAppendMessageParams(ConversationScope, frozen=True, kw_only=True):
    """Add a message."""

    id: str
    message: ChatMessage
    as_user: str | None = None


class ConversationLoadMessagesResult(Wire, frozen=True, kw_only=True):
    """The messages, in the order of `seq`."""

    messages: list[ChatMessage] = always_list()


class ConversationListParams(ConversationScope, frozen=True, kw_only=True):
    """Which conversations: with `as_user` that user's own and the shared ones."""

    as_user: str | None = None


class ConversationListResult(Wire, frozen=True, kw_only=True):
    """The conversations, newest first."""

    conversations: list[ConversationSummary] = always_list()
