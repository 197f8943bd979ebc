"""Why there is no sandbox."""

__all__ = ["SETUP_FAILED_EXIT_CODE", "SandboxError", "SandboxSpecError", "SandboxUnavailableError"]

SETUP_FAILED_EXIT_CODE = 125
"""Exit code when the program was never started: the last line of standard error, ``animus-sandbox: ...``, says why."""


class SandboxError(Exception):
    """There is no sandbox, so nothing may be run in its place."""


class SandboxUnavailableError(SandboxError):
    """This machine cannot build the sandbox; the message names what is missing."""


class SandboxSpecError(SandboxError):
    """The sandbox that was asked for would not hold, or cannot be meant."""
