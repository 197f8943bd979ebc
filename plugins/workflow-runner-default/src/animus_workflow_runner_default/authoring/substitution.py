"""``{{name}}`` in prompts, arguments and environment values of a phase.

One pass: what is put in is never looked at again, so a title or an agent's output that holds ``{{other}}`` stays text.
A name is taken exactly as it stands between the braces, blanks included; an unknown one stays as it is.
"""

import re
from collections.abc import Mapping

__all__ = ["placeholders", "substitute"]

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_.-]*)\}\}")


def substitute(template: str, values: Mapping[str, str]) -> str:
    """The template with every known ``{{name}}`` replaced by its value."""
    if "{{" not in template:
        return template
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def placeholders(template: str) -> list[str]:
    """The names in the template, in order, repeats included."""
    return _PLACEHOLDER.findall(template)
