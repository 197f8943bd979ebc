"""What every Animus provider around a coding agent program shares.

A provider says what its program is (`AgentFacts`) and begins a `Conversation` for each run: how the program is called
and what its lines mean, in the words of `animus_agent_cli.event`. `CliProvider` makes a plugin of that: the process
and everything it starts, the notes, the result, cancelling, questions, the time limit, failures, health.
"""

from animus_agent_cli.conversation import AgentCommand, Answer, Conversation
from animus_agent_cli.facts import AgentFacts, BrokerKey, SandboxFacts, Variable
from animus_agent_cli.failure import FailureRow
from animus_agent_cli.provider import RUNS, CliProvider
from animus_agent_cli.request import AgentRequest, ApprovalPolicy, McpServer, ToolPolicy, UnsupportedError

__all__ = [
    "RUNS",
    "AgentCommand",
    "AgentFacts",
    "AgentRequest",
    "Answer",
    "ApprovalPolicy",
    "BrokerKey",
    "CliProvider",
    "Conversation",
    "FailureRow",
    "McpServer",
    "SandboxFacts",
    "ToolPolicy",
    "UnsupportedError",
    "Variable",
]
