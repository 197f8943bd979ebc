"""Where the commands that are more than one operation stand, and what groups are about. Imports none of them."""

from typing import NamedTuple

__all__ = ["GROUP_HELP", "HANDWRITTEN", "RUNNERS", "Handwritten", "Words"]

Words = tuple[str, ...]


class Handwritten(NamedTuple):
    """A command that is more than one operation: where it is, and its line in the help page above it."""

    location: str
    help: str


HANDWRITTEN: dict[Words, Handwritten] = {
    ("version",): Handwritten("animus_cli.commands.version:version", "Print the version."),
    ("init",): Handwritten("animus_cli.commands.init:init", "Set a project up."),
    ("demo",): Handwritten("animus_cli.commands.demo:demo", "Watch a task go from the queue to the merge."),
    ("doctor",): Handwritten("animus_cli.commands.doctor:doctor", "Check this project and this installation."),
    ("daemon", "start"): Handwritten("animus_cli.commands.daemon:start", "Start the daemon in the background."),
    ("daemon", "run"): Handwritten("animus_cli.commands.daemon:run", "Be the daemon, in the foreground."),
    ("daemon", "stop"): Handwritten("animus_cli.commands.daemon:stop", "Stop the daemon."),
    ("daemon", "restart"): Handwritten("animus_cli.commands.daemon:restart", "Stop the daemon and start it again."),
    ("daemon", "config"): Handwritten("animus_cli.commands.daemon_settings:config", "Show or store its settings."),
    ("daemon", "preflight"): Handwritten("animus_cli.commands.daemon_settings:preflight", "Could a daemon start?"),
    ("why",): Handwritten("animus_cli.commands.why:why", "Say why something is where it is, and what frees it."),
    ("history",): Handwritten("animus_cli.commands.runs:history", "List runs that have ended."),
    ("completion",): Handwritten("animus_cli.commands.completion:completion", "Complete commands in your shell."),
    ("subject", "update"): Handwritten("animus_cli.commands.subjects:update", "Change a subject."),
    ("subject", "delete"): Handwritten("animus_cli.commands.subjects:delete", "Remove a subject."),
    ("subject", "batch-create"): Handwritten("animus_cli.commands.subjects:batch_create", "Make several subjects."),
    ("queue", "hold"): Handwritten("animus_cli.commands.queue:hold", "Keep entries from being started."),
    ("queue", "release"): Handwritten("animus_cli.commands.queue:release", "Free held entries."),
    ("queue", "drop"): Handwritten("animus_cli.commands.queue:drop", "Take entries off the queue."),
    ("queue", "export"): Handwritten("animus_cli.commands.queue:export", "Write the queue down."),
    ("queue", "import"): Handwritten("animus_cli.commands.queue:import_entries", "Add entries that were written down."),
    ("queue", "why"): Handwritten("animus_cli.commands.why:queue_why", "Say why an entry does not run."),
    ("workflow", "pause"): Handwritten("animus_cli.commands.steering:pause", "Stop a run after its current phase."),
    ("workflow", "cancel"): Handwritten("animus_cli.commands.steering:cancel", "End a run and all it started."),
    ("workflow", "config", "compile"): Handwritten(
        "animus_cli.commands.definitions:compile_config", "Compile the workflow files."
    ),
    ("workflow", "config", "explain"): Handwritten(
        "animus_cli.commands.definitions:explain", "Show what a workflow does."
    ),
    ("workflow", "config", "schema"): Handwritten(
        "animus_cli.commands.definitions:schema", "Print the JSON Schema of workflow files."
    ),
    ("workflow", "checkpoints", "list"): Handwritten(
        "animus_cli.commands.checkpoints:listed", "List the checkpoints of a run."
    ),
    ("workflow", "checkpoints", "prune"): Handwritten(
        "animus_cli.commands.checkpoints:prune", "Forget all but the latest checkpoints."
    ),
    ("workflow", "watch"): Handwritten("animus_cli.commands.watch:watch", "Follow a run until it has ended or waits."),
    ("workflow", "decisions"): Handwritten("animus_cli.commands.runs:decisions", "Show what was decided, and why."),
    ("workflow", "prompt", "render"): Handwritten("animus_cli.commands.runs:prompt_render", "Print a phase's prompt."),
    ("workflow", "prune"): Handwritten("animus_cli.commands.runs:prune", "Forget runs that have ended."),
    ("plugin", "info"): Handwritten("animus_cli.commands.installed:plugin_info", "Show one plugin."),
    ("agent", "list"): Handwritten("animus_cli.commands.agents:profiles", "List the agents of the workflow files."),
    ("agent", "run"): Handwritten("animus_cli.commands.agent_run:run", "Run one session of an agent here."),
    ("agent", "status"): Handwritten("animus_cli.commands.agents:at_work", "Show the agents at work, or one session."),
    ("agent", "control"): Handwritten("animus_cli.commands.agents:steer", "Pause, resume or terminate one."),
    ("agent", "interactions", "list"): Handwritten("animus_cli.commands.interactions:listed", "List what agents ask."),
    ("agent", "interactions", "show"): Handwritten("animus_cli.commands.interactions:show", "Show one of it."),
    ("agent", "interactions", "answer"): Handwritten("animus_cli.commands.interactions:answer", "Answer it."),
    ("agent", "message", "list"): Handwritten("animus_cli.commands.messages:listed", "List what agents wrote."),
    ("flavor", "list"): Handwritten("animus_cli.commands.flavors:installed", "List the installed flavors."),
    ("flavor", "use"): Handwritten("animus_cli.commands.flavors:use", "Make a flavor this project's."),
    ("flavor", "current"): Handwritten("animus_cli.commands.flavors:current", "Show the flavor in force."),
    ("flavor", "info"): Handwritten("animus_cli.commands.flavors:info", "Show what a flavor asks for."),
    ("flavor", "diff"): Handwritten("animus_cli.commands.flavors:diff", "Compare the project with a flavor."),
    ("pack", "list"): Handwritten("animus_cli.commands.installed:pack_list", "List the packs in force."),
    ("pack", "info"): Handwritten("animus_cli.commands.installed:pack_info", "Show one pack."),
    ("secret", "list"): Handwritten("animus_cli.commands.secrets:listed", "List the secrets kept by reference."),
    ("output", "read"): Handwritten("animus_cli.commands.output:read", "Print what the phases of a run wrote."),
    ("output", "phase-outputs"): Handwritten("animus_cli.commands.output:phase_outputs", "List what they wrote."),
}
"""By place."""

RUNNERS: dict[str, str] = {
    "daemon/events": "animus_cli.commands.events:run",
    "daemon/logs": "animus_cli.commands.daemon_logs:run",
    "plugin/ping": "animus_cli.commands.installed:ping",
    "workflow/run": "animus_cli.commands.run:run",
    "workflow/config/validate": "animus_cli.commands.validate:run",
}
"""Operations whose options are generated and whose running is written by hand."""

GROUP_HELP: dict[Words, str] = {
    (): "Run work through workflows of agents, commands and people.",
    ("agent",): "The agents that work in phases.",
    ("agent", "interactions"): "What agents ask, and the answers.",
    ("agent", "message"): "What agents write to each other.",
    ("audit",): "The record of who changed what.",
    ("daemon",): "The process that leases work and runs it.",
    ("flavor",): "Sets of plugins and packs that belong together.",
    ("output",): "What the phases of a run wrote.",
    ("pack",): "Workflows and kinds of subjects that come together.",
    ("plugin",): "The programs Animus is made of.",
    ("queue",): "Work that waits.",
    ("schedule",): "Work that starts by the clock.",
    ("secret",): "Where the values of variables are kept.",
    ("subject",): "What work is about: tasks, requirements, and so on.",
    ("trigger",): "Work that starts when something happens.",
    ("workflow",): "Definitions of work, and their runs.",
    ("workflow", "checkpoints"): "What a run could be taken up from.",
    ("workflow", "config"): "The workflow files of the project.",
    ("workflow", "prompt"): "What agents are told.",
    ("workflow", "phase"): "Gates at which a run waits for a person.",
}
