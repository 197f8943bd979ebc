"""Why the runner refuses a request::

RefusalError
├── WorkflowNotFoundError   no such definition, or it is disabled
├── RunNotFoundError        no such run
├── PhaseNotFoundError      no such phase in the run or workflow
├── TerminalRunError        the run is over
├── GatePendingError        a gate is waiting for approve or reject
├── BindingError            outside of the project this process serves
├── InvalidRequestError     the request itself is wrong
└── BusyError               nothing wrong; ask again later
"""

__all__ = [
    "BindingError",
    "BusyError",
    "GatePendingError",
    "InvalidRequestError",
    "PhaseNotFoundError",
    "RefusalError",
    "RunNotFoundError",
    "TerminalRunError",
    "WorkflowNotFoundError",
]


class RefusalError(Exception):
    """Nothing was changed; the text says what to do instead."""


class WorkflowNotFoundError(RefusalError):
    """No definition of that name can be run."""


class RunNotFoundError(RefusalError):
    """The journal has no such run."""


class PhaseNotFoundError(RefusalError):
    """No such phase."""


class TerminalRunError(RefusalError):
    """The run is over and takes no such signal."""


class GatePendingError(RefusalError):
    """A person has to approve or reject first."""


class BindingError(RefusalError):
    """Outside of the project this process serves."""


class InvalidRequestError(RefusalError):
    """The request cannot be understood or contradicts what is known."""


class BusyError(RefusalError):
    """There is no room for one more run."""
