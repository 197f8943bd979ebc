"""The work of the benches that count dispatches: one command, which leaves a line in the project."""

SCRIPT = 'echo "$ANIMUS_SUBJECT_ID" >> "$ANIMUS_PROJECT_ROOT/marks"'
WORKFLOWS = f"""
default_workflow_ref: mark
tools_allowlist: [sh]
phases:
  mark:
    mode: command
    command: {{program: sh, args: [-c, '{SCRIPT}']}}
workflows:
  - id: mark
    worktree: skip
    phases: [mark]
"""
