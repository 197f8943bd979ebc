"""What a run does next, and the runs of this process."""
