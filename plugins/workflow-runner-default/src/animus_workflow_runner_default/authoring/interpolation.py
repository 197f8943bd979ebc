"""``${NAME}`` in definitions: values of the environment, put into single scalars, never across structure.

================  ==========================================================
``${NAME}``       the value; an error if NAME is unset
``${NAME:-x}``    the value, or ``x`` if NAME is unset or empty
``${NAME:?why}``  the value, or an error that says ``why`` if unset or empty
``${secret.N}``   the variable that ``secrets.N.env`` names
``$$``            one ``$``
``$`` elsewhere   itself
================  ==========================================================

What is put in is never looked at again. A ``${`` that fits none of the forms is an error, not text: a misspelt
reference must not reach a program as it is.
"""

import re
from collections.abc import Mapping

from animus_workflow_runner_default.authoring.substitution import substitute

__all__ = ["InterpolationError", "check_references", "filled", "has_reference", "resolve_environment", "secret_names"]

_REFERENCE = re.compile(r"\$(?:(?P<escape>\$)|\{(?P<body>[^}]*)(?P<end>\}?))", re.DOTALL)
_BODY = re.compile(
    r"(?P<secret>secret\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:[-?])(?P<word>.*))?", re.DOTALL
)


class InterpolationError(Exception):
    """A reference that cannot be resolved; the message names the variable and what to do."""


def has_reference(text: str) -> bool:
    """Whether resolving would change the text or fail."""
    return "${" in text or "$$" in text


def check_references(text: str) -> None:
    """Check the form of every reference without resolving any.

    Raises:
        InterpolationError: a ``${`` that is none of the forms.
    """
    for match in _REFERENCE.finditer(text):
        if not match["escape"]:
            _parse(match)


def secret_names(text: str) -> list[str]:
    """The secrets that a text refers to."""
    if "${secret." not in text:
        return []
    bodies = (_BODY.fullmatch(match["body"]) for match in _REFERENCE.finditer(text) if not match["escape"])
    return [body["name"] for body in bodies if body is not None and body["secret"]]


def resolve_environment(text: str, environ: Mapping[str, str], secrets: Mapping[str, str] | None = None) -> str:
    """The text with its references replaced by values of `environ`.

    Args:
        text: a scalar of a definition.
        environ: the environment.
        secrets: `model.secret_variables`; None where a secret has no place.

    Raises:
        InterpolationError: a variable is unset and has no default, or a reference has no valid form.
    """
    if "$" not in text:
        return text
    return _REFERENCE.sub(lambda match: _value(match, environ, secrets), text)


def filled(
    template: str, environ: Mapping[str, str], values: Mapping[str, str], secrets: Mapping[str, str] | None = None
) -> str:
    """A template with ``{{name}}`` and ``${NAME}`` replaced in one pass: neither is looked for in what was put in.

    Args:
        template: the author's text.
        environ: the environment.
        values: see `substitution.substitute`.
        secrets: as for `resolve_environment`; None for text that is shown or kept, like a prompt.

    Raises:
        InterpolationError: see `resolve_environment`.
    """
    parts: list[str] = []
    end = 0
    for match in _REFERENCE.finditer(template):
        parts += (substitute(template[end : match.start()], values), _value(match, environ, secrets))
        end = match.end()
    parts.append(substitute(template[end:], values))
    return "".join(parts)


def _value(match: re.Match[str], environ: Mapping[str, str], secrets: Mapping[str, str] | None) -> str:
    if match["escape"]:
        return "$"
    body = _parse(match)
    name: str = body["name"]
    if body["secret"]:
        name = _variable_of(name, secrets)
    value = environ.get(name) if name else ""  # a secret that is not required and not set has no variable
    operator: str | None = body["operator"]
    if operator is None:
        if value is None:
            advice = f"give a default with ${{{name}:-value}}, or write $${{{name}}} for the text itself"
            raise InterpolationError(
                f"the environment variable {name!r} is not set for the workflow runner; export it, name it in "
                f"ANIMUS_FORWARD_ENV and start the daemon again, {advice}"
            )
        return value
    if value:
        return value
    if operator == ":-":
        return str(body["word"])
    raise InterpolationError(f"the environment variable {name!r} is not set: {body['word'] or 'it is required'}")


def _variable_of(name: str, secrets: Mapping[str, str] | None) -> str:
    if secrets is None:
        raise InterpolationError(f"the secret {name!r} has no place here: it would be kept; pass it in `env`")
    if name not in secrets:
        raise InterpolationError(f"there is no secret {name!r}; declare it: `secrets: {{{name}: {{env: VARIABLE}}}}`")
    return secrets[name]


def _parse(match: re.Match[str]) -> re.Match[str]:
    body = _BODY.fullmatch(match["body"])
    if not match["end"]:
        raise InterpolationError(
            f"the reference {match[0][:40]!r} has no closing brace; write $${{ for the text itself"
        )
    if body is None:
        advice = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ stands for the text itself"
        raise InterpolationError(f"{match[0]!r} is no reference to an environment variable; {advice}")
    if "${" in (body["word"] or ""):
        raise InterpolationError(f"the reference {match[0]!r} has another one inside, which is not supported")
    return body
