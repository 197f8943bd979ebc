"""The states in which work can be, each with who has to act and the command that frees it.

`STATES` is read from the top; every row that holds is a cause. The first of them is what has to change first: what
is wrong with the entry or the run itself comes before what keeps all work from going on. A row about a particular
reason stands before the row about all of its kind.
"""

from animus_cli.causes import entries, host, runs
from animus_cli.causes.picture import Picture
from animus_cli.causes.state import Cause, State, cause_of

__all__ = ["STATES", "UNKNOWN", "Cause", "State", "explain"]

UNKNOWN = "unknown"
"""The answer where no row holds: a gap of the table, or questions between which the facts changed."""

YOU, AGENT, DAEMON, QUEUE, RUNNER, NOBODY = "you", "the agent", "the daemon", "the queue", "the runner", "nobody"
_LOOK, _AGAIN = "animus workflow get {run}", "animus workflow run {workflow} {about}"
_DOCTOR, _VALIDATE = "animus doctor", "animus workflow config validate"
_OUTPUT = "animus output read {run}"


def explain(picture: Picture) -> list[Cause]:
    """Every cause that the picture shows; never empty."""
    causes = [cause for state in STATES if (cause := cause_of(state, picture)) is not None]
    return causes or [Cause(UNKNOWN, "nothing that is on record explains it", YOU, "animus daemon events")]


# One state is a row of one or two lines; the formatter would make it seven.
# fmt: off
STATES = (
    State("gate-expired", "The time of a gate is over.", DAEMON, _LOOK, runs.gate_expired),
    State("gate", "The run is at a gate.", YOU, "{freeing}", runs.waiting("gate")),
    State("approval-asked", "The agent asks for leave.", YOU, "{freeing}", runs.interaction("approval")),
    State("question-asked", "The agent asks a question.", YOU, "{freeing}", runs.interaction("question")),
    State("may-have-had-effects", "The runner died in a phase that may have had effects.", YOU, "{freeing}",
          runs.waiting("blocked")),
    State("merge-conflict", "The target branch has changed the same lines.", YOU, "{freeing}",
          runs.merge_because("conflicts in")),
    State("merge-over-your-work", "The merge would touch a checkout with changes that are not committed.", YOU,
          "{freeing}", runs.merge_because("uncommitted changes")),
    State("merge-stopped", "The merge could not be done.", YOU, "{freeing}", runs.waiting("merge")),
    State("budget-exhausted", "What may be spent is spent.", YOU, "{freeing}", runs.waiting("budget")),
    State("evaluation-failed", "An evaluation was not passed.", YOU, "{freeing}", runs.waiting("eval")),
    State("paused-by-request", "Somebody paused the run.", YOU, "{freeing}", runs.waiting("paused")),
    State("held", "Somebody held the entry.", YOU, "animus queue release {entry}", entries.held),
    State("workflow-disabled", "The definition, or one that it needs, has an error.", YOU, _VALIDATE, entries.disabled),
    State("workflow-gone", "The workflow is no longer defined.", YOU, _VALIDATE, entries.unknown_workflow),
    State("subject-gone", "The subject was removed.", YOU, "animus queue drop {entry}", entries.subject_gone),
    State("not-due", "The entry was put off.", QUEUE, "animus queue drop {entry}", entries.not_due),
    State("subject-busy", "Another run works on the same subject.", QUEUE, "animus why {busy}", entries.subject_busy),
    State("schedule-disabled", "The schedule does not fire.", YOU, "animus schedule enable {schedule}",
          entries.schedule_off),
    State("schedule-unheard", "No daemon keeps the time.", YOU, "animus daemon start", entries.schedule_unheard),
    State("schedule-late", "The work of a moment could not be put on the queue.", DAEMON,
          "animus schedule history {schedule}", entries.schedule_late),
    State("schedule-waits", "The next moment has not come.", NOBODY, "animus schedule run {schedule}",
          entries.schedule_waits),
    State("daemon-not-running", "Nobody leases.", YOU, "animus daemon start", host.daemon_missing),
    State("daemon-not-answering", "The daemon holds its lock and does not answer.", YOU, "animus daemon restart",
          host.daemon_mute),
    State("daemon-paused", "Somebody paused the daemon.", YOU, "animus daemon resume", host.daemon_paused),
    State("daemon-draining", "The daemon is about to end.", DAEMON, "animus daemon restart", host.daemon_draining),
    State("plugin-untrusted", "A plugin that came with the repository is not run.", YOU,
          "animus plugin trust {untrusted}", host.plugin_untrusted),
    State("plugin-missing", "A role has no plugin.", YOU, _DOCTOR, host.plugin_missing),
    State("plugin-cooling-down", "A plugin died too often.", DAEMON, "animus daemon health",
          host.plugin_is("cooling_down")),
    State("plugin-restarting", "A plugin died and is started again.", DAEMON, "animus daemon health",
          host.plugin_is("backoff")),
    State("no-room-for-plugin", "As many plugin processes run as may, and all are at work.", DAEMON,
          "animus daemon config --plugin-processes N", host.plugin_is("out_of_room")),
    State("lease-lapsed", "Whoever had the entry is gone.", DAEMON, "animus daemon restart", host.lease_lapsed),
    State("run-without-entry", "The run is on record as running and has no entry.", YOU, "animus workflow cancel {run}",
          runs.nobody_executes),
    State("no-capacity", "Every slot is taken.", DAEMON, "animus daemon config --pool-size N", host.no_capacity),
    State("behind-others", "Other entries stand before it.", QUEUE, "animus queue reorder {entry}", entries.behind),
    State("next", "Nothing is in its way.", DAEMON, "animus daemon events --follow", host.starting),
    State("quota-exhausted", "The agent's account is used up for now.", YOU, _LOOK,
          runs.agent_trouble("provider_exhaustion")),
    State("agent-not-signed-in", "The agent's credentials are missing or refused.", YOU, _DOCTOR,
          runs.agent_trouble("auth")),
    State("agent-target-unavailable", "The agent or its model cannot be reached.", YOU, _DOCTOR,
          runs.agent_trouble("target_unavailable")),
    State("agent-tries-again", "The agent failed and is asked again.", AGENT, _OUTPUT, runs.agent_tries_again),
    State("running", "The run is under way.", RUNNER, _LOOK, runs.running),
    State("rework-exhausted", "The work was sent back as often as is allowed.", YOU, "animus workflow decisions {run}",
          runs.ended_because("rework budget")),
    State("decision-invalid", "An agent's decision was none.", YOU, _OUTPUT,
          runs.ended_because("returned an invalid decision")),
    State("timed-out", "A command or an agent took too long.", YOU, _OUTPUT, runs.ended_because("ran longer than")),
    State("program-not-allowed", "A program is not on the allow-list.", YOU, _VALIDATE,
          runs.ended_because("is not in tools_allowlist")),
    State("program-missing", "A program is not installed.", YOU, _DOCTOR, runs.ended_because("was not found on PATH")),
    State("provider-missing", "No provider serves the agent's tool.", YOU, "animus plugin list",
          runs.ended_because("no provider answers to")),
    State("environment-missing", "A variable of the environment is not set.", YOU, "animus daemon restart",
          runs.ended_because("the environment variable ... is not set")),
    State("variable-missing", "The workflow needs a variable.", YOU, _AGAIN, runs.ended_because("needs the variable")),
    State("disk-full", "There is no room left.", YOU, "animus workflow prune --older-than 30",
          runs.ended_because("No space left on device")),
    State("failed", "The run failed.", YOU, _LOOK, runs.ended("failed")),
    State("escalated", "The work was judged not good enough.", YOU, _LOOK, runs.ended("escalated")),
    State("cancelled", "The run was cancelled.", YOU, _AGAIN, runs.ended("cancelled")),
    State("blocked", "The subject is blocked.", YOU, "animus subject status {subject} ready", entries.blocked),
    State("expired", "The entry was not begun in its time.", YOU, "animus queue history", entries.left("expired")),
    State("dropped", "Somebody took the entry off the queue.", YOU, "animus queue history", entries.left("dropped")),
    State("completed", "The run is done.", NOBODY, None, runs.ended("completed")),
    State("settled", "The subject is done or given up.", NOBODY, None, entries.settled),
    State("not-asked-for", "Nobody asked for work on the subject.", YOU, "animus queue enqueue --subject {subject}",
          entries.unasked),
    State("daemon-outdated", "The daemon is older or newer than what is installed.", YOU, "animus daemon restart",
          host.daemon_outdated),
)
# fmt: on
