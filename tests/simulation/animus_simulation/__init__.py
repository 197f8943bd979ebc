"""Kernel, queue and runner in one process, on one virtual clock and one seed (docs/simulation.md)."""
