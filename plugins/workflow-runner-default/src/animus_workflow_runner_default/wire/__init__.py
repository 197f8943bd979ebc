"""Between the protocol and the runner: methods in, calls of agents out."""
