"""Ids of traces and spans, derived from what they are about: whoever exports something twice exports the same thing."""

import hashlib

__all__ = ["phase_span_id", "run_span_id", "trace_id_of"]

_TRACE_BYTES, _SPAN_BYTES = 16, 8


def trace_id_of(run_id: str) -> int:
    """The trace of a run."""
    return _number(_TRACE_BYTES, "run", run_id)


def run_span_id(run_id: str) -> int:
    """The root span of a run."""
    return _number(_SPAN_BYTES, "run", run_id)


def phase_span_id(run_id: str, path: str, attempt: int, occurrence: int = 0) -> int:
    """The span of one attempt at a phase.

    Args:
        run_id: of the run.
        path: where the phase stands in its workflow, or its id alone when more is not known.
        attempt: which one.
        occurrence: how many phases of that path and attempt were complete before it in the run.
    """
    further = [str(occurrence)] if occurrence else []
    return _number(_SPAN_BYTES, "phase", run_id, path, str(attempt), *further)


def _number(size: int, *words: str) -> int:
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return int.from_bytes(digest[:size], "big") or 1  # zero means "no id"
