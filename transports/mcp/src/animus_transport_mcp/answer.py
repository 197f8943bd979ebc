"""What a tool answers: the JSON that ``--json`` prints, bounded, or an error a model can act on.

Source: MCP specification 2025-11-25, tools, tool result and error handling.
"""

from typing import Any

import msgspec

from animus_control.errors import ControlError
from animus_plugin_protocol.codec import encode_json

__all__ = ["TEXT_LIMIT", "error_answer", "result_answer"]

TEXT_LIMIT = 40_000
"""Characters of text a tool answers with at most: about ten thousand tokens."""


def result_answer(result: Any, remark: str | None = None) -> dict[str, Any]:
    """The answer that holds a result; `remark` is a sentence beside it."""
    value = msgspec.to_builtins(result, str_keys=True)
    if not isinstance(value, dict):
        value = {"result": value}
    text = encode_json(value).decode()
    if len(text) > TEXT_LIMIT:
        kept = f"{text[:TEXT_LIMIT]}\n... cut at {TEXT_LIMIT} of {len(text)} characters; ask for less, as with 'limit'"
        return {"content": _texts(kept, remark)}
    return {"content": _texts(text, remark), "structuredContent": value}


def error_answer(error: ControlError) -> dict[str, Any]:
    """The answer that says why not, and what to do."""
    advice = error.remediation.get("next_step") or error.remediation.get("install_command")
    text = f"{error.category}: {error.message}"
    if advice and advice not in error.message:
        text += f"\nnext: {advice}"
    return {"content": _texts(text[:TEXT_LIMIT], None), "isError": True}


def _texts(*texts: str | None) -> list[dict[str, str]]:
    return [{"type": "text", "text": text} for text in texts if text]
