"""The plugin that bench/loop.py measures: one method, inline or on a worker thread."""

import sys

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.queue import QueueEntryParams, QueueMutationResult


def main() -> int:
    plugin = Plugin("bench", "1.0.0", description="Answers.")

    def drop(params: QueueEntryParams) -> QueueMutationResult:
        return QueueMutationResult(changed=len(params.entry_id) == 120)

    plugin.register_method(methods.QUEUE_DROP, drop, inline=sys.argv[1] == "inline")
    return plugin.run([])


if __name__ == "__main__":
    sys.exit(main())
