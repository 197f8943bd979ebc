"""What has to be there before a run begins: secrets that its phases need, and what agents may still cost today."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig
from animus_workflow_runner_default.json_value import json_object

if TYPE_CHECKING:
    from animus_workflow_runner_default.engine.plan import Plan

__all__ = ["daily_limit", "missing_secret", "usable_secrets"]

_SECRET = re.compile(rb"\$\{secret\.([A-Za-z_][A-Za-z0-9_]*)\}")


def usable_secrets(config: CompiledConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """The variable behind each secret; empty for one that is neither required nor set."""
    usable: dict[str, str] = {}
    for name, secret in config.secrets.items():
        variable = str(secret["env"])
        is_optional = secret.get("required") is False
        usable[name] = "" if is_optional and variable not in environ else variable
    return usable


def missing_secret(plan: "Plan", config: CompiledConfig, environ: Mapping[str, str]) -> str | None:
    """Which secret that a phase of the plan uses is required and not set; None if all are there."""
    parts: list[Any] = []
    for entry in plan.entries:
        phase = plan.phase(entry.path)
        agent = config.agents.get(phase.agent or "")
        parts += [phase, agent, config.tools.get(agent.runtime.tool or "") if agent is not None else None]
    for found in _SECRET.finditer(msgspec.json.encode(parts)):
        name = found.group(1).decode()
        secret = config.secrets.get(name)
        if secret is None or secret.get("required") is False or environ.get(str(secret["env"])):
            continue
        return (
            f"the secret {name!r} is required and its variable {secret['env']!r} is not set for the workflow runner; "
            f"export it, name it in ANIMUS_FORWARD_ENV and start the daemon again, or declare it `required: false`"
        )
    return None


def daily_limit(config: CompiledConfig) -> float | None:
    """``daemon.budget.max_cost_usd_per_day``."""
    budget = json_object(config.daemon.get("budget"))
    return None if budget is None else float(budget["max_cost_usd_per_day"])
