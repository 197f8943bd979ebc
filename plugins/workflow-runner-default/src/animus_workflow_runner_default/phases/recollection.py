"""What the agents of a project have kept from phase to phase: their memories, and what they wrote to each other."""

from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.channels import channels_of, inbox_of
from animus_workflow_runner_default.authoring.model import Agent, CompiledConfig, Phase
from animus_workflow_runner_default.journal.channels import post, read_channel
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.memory import read_memory, remember
from animus_workflow_runner_default.journal.thread import JournalThread
from animus_workflow_runner_default.phases.agent_book import AgentBook
from animus_workflow_runner_default.phases.agent_work import AgentWork
from animus_workflow_runner_default.phases.memory import entries_of
from animus_workflow_runner_default.phases.messages import SHOWN_MESSAGES, ChannelView, Posted, messages_of
from animus_workflow_runner_default.phases.outcome import Decided, RunContext

__all__ = ["Recollection"]


class _Kept(NamedTuple):
    """What one attempt leaves for later ones."""

    texts: list[str]
    posted: Posted


class Recollection:
    """Reads it into the work of an agent, and keeps what an answer adds."""

    def __init__(self, journal: JournalThread, config: CompiledConfig) -> None:
        self._journal = journal
        self._config = config

    def keeps(self, phase: Phase) -> bool:
        """Whether the phase's agent may leave something for later."""
        agent = self._agent(phase)
        return agent is not None and (agent.memory.enabled or _talks(agent))

    async def recalled(self, work: AgentWork) -> AgentWork:
        """The work with what its agent remembers and reads, oldest first."""
        agent = self._agent(work.phase)
        if agent is None or not self.keeps(work.phase):
            return work
        memory, views = await self._journal.read(lambda journal: (_memory(journal, agent), self._views(journal, agent)))
        return work._replace(memory=memory, channels=views)

    def _views(self, journal: Journal, agent: Agent) -> list[ChannelView]:
        if not _talks(agent):
            return []
        names = channels_of(agent, self._config.agent_channels)
        views = [ChannelView(name, self._config.agent_channels[name], _said(journal, name)) for name in names]
        alone = _said(journal, inbox_of(agent.id))
        return views if not alone and not _may_write(agent) else [*views, ChannelView(inbox_of(agent.id), None, alone)]

    async def keep(self, phase: Phase, context: RunContext, outcome: Decided, book: AgentBook) -> Decided:
        """Keep what the agent wants known later; the outcome says what was posted and what was not."""
        agent = self._agent(phase)
        if phase.mode != "agent" or agent is None or not self.keeps(phase):
            return outcome
        answer = "\n".join(call.answer for call in book.state.calls if call.answer)
        texts = entries_of(agent.memory, phase.id, answer, outcome.decision) if agent.memory.enabled else []
        posted = messages_of(agent, self._config.agent_channels, self._config.agents, answer)
        kept = _Kept(texts, posted if _talks(agent) else Posted([], []))
        source, moment = f"{context.run_id}/{context.path}/{context.attempt}", book.now()
        if kept.texts or kept.posted.messages:
            await self._journal.call(lambda journal: _write(journal, agent, kept, source, moment))
        facts = {"posted": len(kept.posted.messages), "refused": kept.posted.refused}
        if not any(facts.values()):
            return outcome
        return msgspec.structs.replace(outcome, metadata={**(outcome.metadata or {}), "messages": facts})

    def _agent(self, phase: Phase) -> Agent | None:
        return self._config.agents.get(phase.agent or "")


def _talks(agent: Agent) -> bool:
    return agent.communication is not None and agent.communication.enabled


def _may_write(agent: Agent) -> bool:
    return agent.communication is not None and bool(agent.communication.can_message)


def _memory(journal: Journal, agent: Agent) -> list[str]:
    return read_memory(journal, agent.id, agent.memory.max_entries) if agent.memory.enabled else []


def _said(journal: Journal, channel: str) -> list[tuple[str, str]]:
    return [(message.sender, message.text) for message in read_channel(journal, channel, SHOWN_MESSAGES)]


def _write(journal: Journal, agent: Agent, kept: _Kept, source: str, moment: str) -> None:
    if kept.texts:
        remember(journal, agent.id, kept.texts, source=source, moment=moment, keep=agent.memory.max_entries)
    if kept.posted.messages:
        post(journal, kept.posted.messages, sender=agent.id, source=source, moment=moment)
