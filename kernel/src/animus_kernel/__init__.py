"""The Animus kernel: leases dispatches from a queue, hands them to a workflow runner, records facts.

It owns processes, routing, capacity and recovery, and nothing with an opinion: what a subject means, what a workflow
does and who the agent is stand in plugins and packs. Importing this package costs neither asyncio nor a plugin.
"""

__all__: list[str] = []
