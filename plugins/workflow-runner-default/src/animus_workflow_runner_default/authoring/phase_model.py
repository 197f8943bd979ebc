"""The compiled definition of a phase: what is run, under which contract. Import these names from `model`."""

from typing import Annotated, Any, Literal

import msgspec

__all__ = [
    "DEFAULT_COMMAND_TIMEOUT_SECONDS",
    "Backoff",
    "Capabilities",
    "Command",
    "Count",
    "CwdMode",
    "DecisionContract",
    "EvalCheck",
    "Evals",
    "FieldSpec",
    "Fraction",
    "Idempotency",
    "Manual",
    "OutputContract",
    "Phase",
    "PhaseMode",
    "Retry",
    "Risk",
    "Runtime",
    "Seconds",
    "Text",
    "Worktree",
]

DEFAULT_COMMAND_TIMEOUT_SECONDS = 1800
DEFAULT_CHECK_TIMEOUT_SECONDS = 600

PhaseMode = Literal["agent", "command", "manual"]
Risk = Literal["low", "medium", "high"]
Idempotency = Literal["idempotent", "sideeffecting", "unknown"]
CwdMode = Literal["project_root", "task_root", "path"]
FailureToken = Literal["transient", "provider_exhaustion", "target_unavailable", "unknown"]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[int, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Worktree(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a run works: ``auto`` uses a worktree if the project is a git repository, ``required`` insists."""

    mode: Literal["auto", "required", "skip"] = "auto"
    cleanup: bool = True
    base_ref: str | None = None


class Runtime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an agent is run. A phase's own setting wins over its agent's."""

    tool: str | None = None
    model: str | None = None
    reasoning_effort: Literal["low", "medium", "high"] | None = None
    permission_mode: str | None = None
    timeout_secs: Seconds | None = None
    """None: the runner's default; 0: no limit."""
    max_attempts: Count | None = None
    fallback_models: list[str] = []
    fallback_tools: list[str] = []
    retry_on: list[FailureToken] = []
    no_retry_on: list[FailureToken] = []
    tool_profile: str | None = None
    web_search: bool | None = None
    network_access: bool | None = None
    extra_args: list[str] = []
    """Env."""
    codex_config_overrides: list[str] = []
    max_continuations: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None
    """How often an agent that stopped before its end is told to go on; None: the runner's default."""
    sandbox: Literal["none", "bubblewrap"] | None = None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a phase may do to the project."""

    writes_files: bool = False
    mutates_state: bool = False
    requires_commit: bool = False
    enforce_product_changes: bool = False
    is_research: bool = False
    is_ui_ux: bool = False
    is_review: bool = False
    is_testing: bool = False
    is_requirements: bool = False


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The shape of one field of a decision or an output payload."""

    type: Literal["string", "number", "integer", "boolean", "array", "object", "null"] | None = None
    required: bool = False
    description: str | None = None
    enum: list[Any] = []
    items: "FieldSpec | None" = None
    fields: "dict[str, FieldSpec]" = {}


class OutputContract(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the payload of a phase must look like; enforced."""

    kind: Text
    required_fields: list[str] = []
    fields: dict[str, FieldSpec] = {}


class DecisionContract(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the decision of a phase must look like; enforced."""

    required_evidence: list[str] = []
    min_confidence: Fraction | None = None
    max_risk: Risk | None = None
    allow_missing_decision: bool = False
    required_fields: list[str] = []
    fields: dict[str, FieldSpec] = {}
    extra_json_schema: Any = None
    verdicts: list[Text] | dict[str, str] = []
    """What may be said besides ``rework``, ``fail`` and ``skip``, instead of ``advance``; a mapping says what each
    means. One without a route goes on."""
    valid_verdicts: list[Text] | dict[str, str] = []
    """Another name of `verdicts`."""

    @property
    def words(self) -> list[str]:
        """The verdicts as they are compared."""
        return [verdict.strip().lower() for verdict in (*self.verdicts, *self.valid_verdicts)]


class Backoff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The pause before the n-th re-entry: ``initial_secs * factor ** (n - 1)``, at most ``max_secs``."""

    initial_secs: Annotated[float, msgspec.Meta(ge=0)]
    factor: Annotated[float, msgspec.Meta(ge=1)] = 1.0
    max_secs: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Retry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often rework may re-enter the phase: ``max_attempts`` extra entries."""

    max_attempts: Annotated[int, msgspec.Meta(ge=0)] = 3
    backoff: Backoff | None = None


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program to run; never given to a shell."""

    program: Text
    """A name on the path or a file; its last part must be allowed by ``tools_allowlist``."""
    args: list[str] = []
    """Env."""
    env: dict[str, str] = {}
    """Env."""
    cwd_mode: CwdMode = "project_root"
    cwd_path: str | None = None
    """Env. Relative to the project root, without ``..``; only with ``cwd_mode: path``."""
    timeout_secs: Seconds = DEFAULT_COMMAND_TIMEOUT_SECONDS
    """0: no limit."""
    success_exit_codes: Annotated[list[int], msgspec.Meta(min_length=1)] = msgspec.field(default_factory=lambda: [0])
    parse_json_output: bool = False
    expected_result_kind: str | None = None
    expected_schema: Any = None
    on_success_verdict: str = "advance"
    on_failure_verdict: str = "rework"
    failure_risk: Risk = "medium"
    confidence: Fraction = 1.0
    category: str | None = None
    """``test``, ``lint``, ``build``, ``command`` or the author's word; None: guessed from the program."""
    failure_pattern: str | None = None
    """A regular expression (checked at load) that picks failing tests out of the output."""
    excerpt_max_chars: Count = 800


class Manual(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gate: the run waits for a person."""

    instructions: Text
    """Env."""
    approval_note_required: bool = False
    timeout_secs: Count | None = None


class EvalCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check; which fields it needs depends on its kind."""

    id: Text
    kind: Literal["command", "regex", "llm_judge"]
    command: Text | None = None
    """Of ``command``: the program; its last part must be allowed, like that of a command phase."""
    args: list[str] = []
    """Env."""
    working_dir: str | None = None
    """Relative to the root of the tree the run works in, which is also what ``$REPO_ROOT`` stands for."""
    expected_exit: int = 0
    timeout_secs: Seconds = DEFAULT_CHECK_TIMEOUT_SECONDS
    """0: no limit."""
    pattern: Text | None = None
    """Of ``regex``: the regular expression (checked at load)."""
    file: Text | None = None
    """Of ``regex``: the file it is looked for in, relative to the tree; None: in what the phase said or printed."""
    must_match: bool = True
    """False: the check passes where the expression is not found."""
    agent: Text | None = None
    """Of ``llm_judge``: the profile that judges."""
    prompt: str | None = None
    """Of ``llm_judge``; env. What it is asked."""


class Evals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Checks after a phase that advances; passed checks / all checks must reach `pass_threshold`."""

    checks: Annotated[list[EvalCheck], msgspec.Meta(min_length=1)]
    pass_threshold: Fraction = 1.0
    on_fail: Literal["rework", "block"] = "block"
    max_reworks: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How often a failure sends the run back into the phase before it blocks; counted in the journal."""


class Phase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step. Exactly the block of its mode is present."""

    id: str
    mode: PhaseMode
    agent: str | None = None
    directive: str | None = None
    """Env."""
    system_prompt: str | None = None
    """Env."""
    skills: list[str] = []
    runtime: Runtime | None = None
    capabilities: Capabilities = Capabilities()
    output_contract: OutputContract | None = None
    output_json_schema: Any = None
    decision_contract: DecisionContract | None = None
    retry: Retry = Retry()
    command: Command | None = None
    manual: Manual | None = None
    default_tool: str | None = None
    idempotency: Idempotency = "unknown"
    worktree: Worktree | None = None
    evals: Evals | None = None
    name: str | None = None
    description: str | None = None
    source: str = ""
    """Where it was written: ``file:line``."""
