"""A sandbox for coding agents whose only way out is a broker that holds the key.

Bubblewrap builds it: own processes, own network without a way out, the system read-only, no home, one folder to write
to. What a program inside sends to its own loopback interface goes through a unix socket to the broker outside, which
lets through what it was told to and adds the key there. Where the sandbox cannot be built there is an error, never a
program that runs without it.
"""

from animus_sandbox.availability import Bubblewrap, require_bubblewrap, sandbox_problems
from animus_sandbox.broker import Broker
from animus_sandbox.errors import SETUP_FAILED_EXIT_CODE, SandboxError, SandboxSpecError, SandboxUnavailableError
from animus_sandbox.program import program_mounts
from animus_sandbox.sandbox import Sandbox
from animus_sandbox.spec import HOME, Limits, SandboxSpec
from animus_sandbox.upstream import Route, Secret, Upstream, upstream_url

__all__ = [
    "HOME",
    "SETUP_FAILED_EXIT_CODE",
    "Broker",
    "Bubblewrap",
    "Limits",
    "Route",
    "Sandbox",
    "SandboxError",
    "SandboxSpec",
    "SandboxSpecError",
    "SandboxUnavailableError",
    "Secret",
    "Upstream",
    "program_mounts",
    "require_bubblewrap",
    "sandbox_problems",
    "upstream_url",
]
