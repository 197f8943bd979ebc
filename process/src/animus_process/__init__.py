"""Child processes that can always be found and ended.

A process is started behind a gate, written to a ledger on disk, and only then let go. Whoever finds the ledger later
can tell by pid and start time what still runs and whose it was, and can end it with everything it started. This
package knows nothing of plugins, runs or frames; it imports the standard library only.
"""

from animus_process.capture import BoundedCapture, TailBuffer
from animus_process.clock import Clock, SystemClock
from animus_process.environment import MARK_VARIABLE, RUN_VARIABLE, child_environment, new_mark
from animus_process.gate import gated, release_gate
from animus_process.ledger import ProcessLedger, UnreadableRecord
from animus_process.record import ProcessRecord, RecordError
from animus_process.system import Liveness, become_subreaper, liveness, start_time_of
from animus_process.tree import is_tree_gone, kill_tree, reap_orphans, signal_tree, signal_trees, stop_tree
from animus_process.usage import Usage, usage_of

__all__ = [
    "MARK_VARIABLE",
    "RUN_VARIABLE",
    "BoundedCapture",
    "Clock",
    "Liveness",
    "ProcessLedger",
    "ProcessRecord",
    "RecordError",
    "SystemClock",
    "TailBuffer",
    "UnreadableRecord",
    "Usage",
    "become_subreaper",
    "child_environment",
    "gated",
    "is_tree_gone",
    "kill_tree",
    "liveness",
    "new_mark",
    "reap_orphans",
    "release_gate",
    "signal_tree",
    "signal_trees",
    "start_time_of",
    "stop_tree",
    "usage_of",
]
