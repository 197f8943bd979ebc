"""The prompt of an agent phase: named sections in a fixed order, each with a named limit, rendered once.

Only the author's own text (directive, system prompts) is a template. What comes from a subject, an earlier phase or a
failure is put in as it is and never looked at again, so that no title can smuggle in a placeholder.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.model import (
    Agent,
    DecisionContract,
    OutputContract,
    Persona,
    Phase,
    Skill,
)
from animus_workflow_runner_default.phases.decision import VERDICTS
from animus_workflow_runner_default.phases.messages import ChannelView, messages_text

__all__ = ["LIMITS", "PriorPhase", "Prompt", "PromptInput", "render_prompt", "result_rules"]

LIMITS = {
    "directive": 64_000,
    "title": 500,
    "description": 16_000,
    "prior phases": 8_000,
    "failure context": 8_000,
    "dispatch input": 8_000,
    "skill": 32_000,
    "persona": 4_000,
}
"""Characters a section may take."""

_TRUNCATED_PRIOR = "(earlier phases truncated for brevity)"
_READ_ONLY = "This phase reads and judges. Do not change files in the working directory."
_WRITES = (
    "This phase changes files in the working directory. Leave them as they should be kept; they are committed for you."
)


_HOW_TO_REMEMBER = (
    'To keep something for your next task, print one line of JSON: {"kind": "agent_memory", "text": "..."}'
)


class PriorPhase(NamedTuple):
    """What an earlier phase ended with."""

    phase_id: str
    attempt: int
    verdict: str
    text: str


class PromptInput(NamedTuple):
    """Everything a prompt is made of. `directive` and the system prompts are filled in already."""

    phase: Phase
    agent: Agent | None
    directive: str
    system_prompts: Sequence[str]
    subject_id: str
    title: str
    description: str
    prior: Sequence[PriorPhase]
    failure_context: str | None
    dispatch_input: Any
    custom_verdicts: Sequence[str]
    skills: Sequence[Skill] = ()
    memory: Sequence[str] = ()
    """What the agent remembers, oldest first."""
    channels: Sequence[ChannelView] = ()
    """What the agent reads of others."""


class Prompt(NamedTuple):
    """What the agent gets."""

    system: str
    text: str


def render_prompt(source: PromptInput) -> Prompt:
    """Put the sections together."""
    sections = [
        *(_head(skill.prefix, LIMITS["skill"]) for skill in source.skills),
        _section("Skill directives", _directives(source.skills)),
        _section("Agent memory", _memory(source.agent, source.memory)),
        _section("Messages", messages_text(source.agent, source.channels)),
        _section("Task", _head(source.directive, LIMITS["directive"])),
        _section("Subject", _subject(source)),
        _section("Prior phases", _prior(source.prior)),
        _section("Failure context", _tail(source.failure_context or "", LIMITS["failure context"])),
        _section("Dispatch input", _dispatch_input(source.dispatch_input)),
        _section("Rules", _rules(source.phase)),
        *(_head(skill.suffix, LIMITS["skill"]) for skill in source.skills),
        *result_rules(source.phase, source.custom_verdicts),
    ]
    return Prompt(_system(source), "\n\n".join(section for section in sections if section) + "\n")


def result_rules(phase: Phase, custom_verdicts: Sequence[str]) -> list[str]:
    """The sections that say what the answer has to look like; none for a phase that asks for nothing."""
    sections = [
        _section("Result", _output_instructions(phase.output_contract)),
        _section("Decision", _decision_instructions(phase.decision_contract, custom_verdicts)),
    ]
    return [section for section in sections if section]


def _section(name: str, body: str) -> str:
    return f"{name}:\n{body}" if body.strip() else ""


def _system(source: PromptInput) -> str:
    parts: list[str] = []
    agent = source.agent
    if agent is not None:
        role = f", {agent.role}" if agent.role else ""
        parts.append(f"You are {agent.name or agent.id}{role}.")
        parts.append(agent.description or "")
        parts.append(_head(f"Capabilities: {', '.join(agent.abilities)}" if agent.abilities else "", LIMITS["persona"]))
        parts.append(_persona(agent.persona))
    parts += source.system_prompts
    parts += [_head(skill.system, LIMITS["skill"]) for skill in source.skills]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _persona(persona: Persona | None) -> str:
    if persona is None:
        return ""
    lines = [
        f"Style: {persona.style}" if persona.style else "",
        f"Traits: {', '.join(persona.traits)}" if persona.traits else "",
        persona.instructions or "",
        *(f"{name}: {_plain(value)}" for name, value in persona.customizations.items()),
    ]
    return _head("\n".join(line for line in lines if line), LIMITS["persona"])


def _directives(skills: Sequence[Skill]) -> str:
    return "\n".join(f"- {directive}" for skill in skills for directive in skill.directives)


def _memory(agent: Agent | None, entries: Sequence[str]) -> str:
    """The newest entries that fit, oldest first, and how to add one."""
    if agent is None or not agent.memory.enabled:
        return ""
    lines: list[str] = []
    left = agent.memory.max_context_chars
    for entry in reversed(entries):
        line = f"- {' '.join(entry.split())}"
        if len(line) > left:
            break
        left -= len(line)
        lines.append(line)
    kept = "\n".join(reversed(lines)) or "(nothing yet)"
    return f"{kept}\n{_HOW_TO_REMEMBER}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _head(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + f"\n(cut after {limit} characters)"


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"(cut, last {limit} characters)\n" + text[len(text) - limit :]


def _subject(source: PromptInput) -> str:
    lines = [source.subject_id, _head(source.title, LIMITS["title"])]
    return "\n".join([line for line in lines if line] + [_head(source.description, LIMITS["description"])]).strip()


def _prior(prior: Sequence[PriorPhase]) -> str:
    """The newest phases that fit, oldest first."""
    blocks: list[str] = []
    left = LIMITS["prior phases"]
    for phase in reversed(prior):
        block = f"- {phase.phase_id} (attempt {phase.attempt}, {phase.verdict}): {phase.text.strip()}"
        if len(block) > left:
            blocks.append(_TRUNCATED_PRIOR)
            break
        left -= len(block)
        blocks.append(block)
    return "\n".join(reversed(blocks))


def _dispatch_input(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()
    return _head(text, LIMITS["dispatch input"])


def _rules(phase: Phase) -> str:
    capabilities = phase.capabilities
    writes = capabilities.writes_files or capabilities.requires_commit
    reads_only = capabilities.is_review or capabilities.is_research
    if writes:
        return _WRITES
    return _READ_ONLY if reads_only else ""


def _output_instructions(contract: OutputContract | None) -> str:
    if contract is None:
        return ""
    shape = {"kind": contract.kind} | dict.fromkeys([*contract.required_fields, *contract.fields], "...")
    return "Print the result of your work as one line of JSON of this shape:\n" + msgspec.json.encode(shape).decode()


def _decision_instructions(contract: DecisionContract | None, custom_verdicts: Sequence[str]) -> str:
    if contract is None:
        return ""
    verdicts = ", ".join(dict.fromkeys((*(contract.words or VERDICTS), *custom_verdicts)))
    lines = [
        f"End with a decision. Its verdict is one of: {verdicts}.",
        *_contract_lines(contract),
        "The last line of your answer must be one line of JSON, nothing after it:",
        _example(contract),
    ]
    return "\n".join(lines)


def _contract_lines(contract: DecisionContract) -> list[str]:
    lines: list[str] = []
    for meanings in (contract.verdicts, contract.valid_verdicts):
        if isinstance(meanings, dict):
            lines += [f"{verdict}: {meaning}" for verdict, meaning in meanings.items()]
    if contract.min_confidence is not None:
        lines.append(f"To advance, confidence must be at least {contract.min_confidence:g}.")
    if contract.max_risk is not None:
        lines.append(f"To advance, risk must be at most {contract.max_risk}.")
    if contract.required_evidence:
        lines.append(f"Evidence of these kinds is needed: {', '.join(contract.required_evidence)}.")
    needed = [*contract.required_fields, *(name for name, spec in contract.fields.items() if spec.required)]
    if needed:
        lines.append(f"The decision must have the fields: {', '.join(dict.fromkeys(needed))}.")
    for name, spec in contract.fields.items():
        words = [spec.type or "", f"one of {spec.enum}" if spec.enum else "", spec.description or ""]
        lines.append(f"Field {name}: {', '.join(word for word in words if word) or 'any value'}.")
    return lines


def _example(contract: DecisionContract) -> str:
    example: dict[str, Any] = {
        "kind": "phase_decision",
        "verdict": contract.words[0] if contract.words else "advance",
        "confidence": 0.9,
        "risk": "low",
        "reason": "...",
        "evidence": [{"kind": kind, "description": "..."} for kind in contract.required_evidence or ["custom"]],
    }
    return msgspec.json.encode(dict.fromkeys(contract.required_fields, "...") | example).decode()
