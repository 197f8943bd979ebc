"""Carrying out one attempt of a phase: agents, commands, people, and the judgement of what came back."""
