"""Reaching plugins by role, and their calls to one another."""

__all__: list[str] = []
