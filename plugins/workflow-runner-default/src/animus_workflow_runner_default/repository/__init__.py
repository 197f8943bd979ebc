"""Git: a worktree for each run, and bringing what passed into its target."""
