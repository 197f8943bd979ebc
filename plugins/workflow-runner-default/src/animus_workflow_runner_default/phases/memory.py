"""What an agent wants to keep for its next task, read out of its answer."""

from animus_workflow_runner_default.authoring.model import Memory
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.decision import Decision, json_objects

__all__ = ["MAX_ENTRY_CHARS", "entries_of"]

MAX_ENTRY_CHARS = 1_000
MAX_NEW_ENTRIES = 20
"""How many entries one phase may add."""
_KIND = "agent_memory"


def entries_of(memory: Memory, phase_id: str, answer: str, decision: Decision | None) -> list[str]:
    """The texts to keep: what the agent marked, and with ``phase_summary`` how its phase ended."""
    texts: list[str] = []
    for value in json_objects(answer):
        body = json_object(value) or {}
        text = body.get("text")
        if body.get("kind") == _KIND and isinstance(text, str) and text.strip():
            texts.append(text.strip()[:MAX_ENTRY_CHARS])
    kept = texts[-MAX_NEW_ENTRIES:]
    if memory.write_policy == "phase_summary":
        verdict = "advance" if decision is None else decision.verdict
        reason = "" if decision is None else decision.reason
        kept.append(f"{phase_id}: {verdict}. {reason}".strip()[:MAX_ENTRY_CHARS])
    return kept
