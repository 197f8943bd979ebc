"""The Codex program as an agent of the provider kind."""
