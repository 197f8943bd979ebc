"""A provider whose agent is any local program."""
