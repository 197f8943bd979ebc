"""Animus as a server of the Model Context Protocol: a coding agent asks for work and looks at it through tools.

The tools are made from the operation table, so they take what the commands take and answer what ``--json`` prints.
"""

from animus_transport_mcp.server import serve

__all__ = ["serve"]
