"""Animus over HTTP: the control operations as an API, the daemon's streams as server-sent events.

The routes are made from the operation table, so they take what the commands take and answer what ``--json`` prints.
"""

from animus_transport_http.api import Api
from animus_transport_http.guard import Guard
from animus_transport_http.server import HttpServer

__all__ = ["Api", "Guard", "HttpServer"]
