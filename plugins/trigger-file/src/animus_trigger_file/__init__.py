"""Watches files of a project and reports what changed, each change once, also over restarts."""

__all__: list[str] = []
