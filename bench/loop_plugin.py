"""The plugin that bench/loop.py measures: one method, inline or not."""

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.queue import QueueEntryParams, QueueMutationResult


def inline() -> Plugin:
    """Answers on the reader."""
    return build(is_inline=True)


def worker() -> Plugin:
    """Answers on a worker thread until the loop finds it quick, then on the reader too."""
    return build(is_inline=False)


def build(*, is_inline: bool) -> Plugin:
    """The plugin, with a method that answers 200 bytes with a few."""
    plugin = Plugin("bench", "1.0.0", description="Answers.")

    def drop(params: QueueEntryParams) -> QueueMutationResult:
        return QueueMutationResult(changed=len(params.entry_id) == 120)

    plugin.register_method(methods.QUEUE_DROP, drop, inline=is_inline)
    return plugin
