"""Which permission modes the known agent programs have; what another tool understands is its own affair."""

from animus_workflow_runner_default.authoring.diagnostics import did_you_mean

__all__ = ["PERMISSION_MODES", "permission_fault"]

PERMISSION_MODES = {
    "claude": ("default", "acceptEdits", "bypassPermissions", "plan", "manual", "auto", "dontAsk"),
    "codex": (
        "default",
        "acceptEdits",
        "workspace-write",
        "plan",
        "read-only",
        "bypassPermissions",
        "danger-full-access",
        "untrusted",
        "on-failure",
        "on-request",
        "never",
    ),
    "gemini": ("default", "auto_edit", "yolo"),
}


def permission_fault(tool: str | None, mode: str | None) -> str | None:
    """Why `tool` cannot be run in the permission mode; None if it can, or nobody knows."""
    modes = PERMISSION_MODES.get(tool or "")
    if mode is None or modes is None or mode in modes:
        return None
    return f"{tool!r} has no permission mode {mode!r}{did_you_mean(mode, modes)}; it has: {', '.join(modes)}"
