"""The Animus kernel: leases dispatches from a queue, hands them to a workflow runner, records facts.

It owns processes, routing, capacity and recovery, and nothing with an opinion: what a subject means, what a workflow
does and who the agent is stand in plugins and packs. Importing this package costs neither asyncio nor a plugin.
"""

from animus_kernel.errors import KernelError
from animus_kernel.project import Project, find_project

__all__ = ["KernelError", "Project", "find_project"]
