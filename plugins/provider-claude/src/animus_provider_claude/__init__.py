"""A provider whose agent is the Claude Code program."""
