"""A server of the Model Context Protocol with two tools; each answers with its name."""

import json
import sys

TOOLS = ("issue.get", "issue.delete")

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, params = asked["method"], asked.get("params", {})
    if method == "initialize":
        result = {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "hub", "version": "1"},
        }
    elif method == "tools/list":
        result = {"tools": [{"name": name, "description": "x", "inputSchema": {"type": "object"}} for name in TOOLS]}
    elif method == "tools/call":
        result = {"content": [{"type": "text", "text": f"MARK {params['name']}"}]}
    else:
        result = {}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}) + "\n")
    sys.stdout.flush()
