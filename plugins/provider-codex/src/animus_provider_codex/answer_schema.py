"""Whether a schema can be handed to the model's server, which takes strict ones only."""

from typing import Any, Final

from animus_agent_cli.loose import as_dict, as_list

__all__ = ["is_strict"]

_KEYWORDS: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$defs", "$ref"}
    | {"title", "description", "minimum", "maximum", "minItems", "maxItems", "pattern", "format", "$schema"}
)
_DEPTH: Final = 5


def is_strict(schema: dict[str, Any], *, depth: int = _DEPTH, is_root: bool = True) -> bool:
    """Whether every object of `schema` names all its keys, requires them and allows no other, as the server wants."""
    if depth == 0 or not _KEYWORDS.issuperset(schema) or (is_root and schema.get("type") != "object"):
        return False
    properties = as_dict(schema.get("properties"))
    kinds = schema.get("type")
    is_object = kinds == "object" or (isinstance(kinds, list) and "object" in kinds)
    if is_object and (
        schema.get("additionalProperties") is not False or set(properties) != {*as_list(schema.get("required"))}
    ):
        return False
    inner = [*properties.values(), *as_list(schema.get("anyOf")), *as_dict(schema.get("$defs")).values()]
    inner += [schema["items"]] if "items" in schema else []
    return all(isinstance(part, dict) and is_strict(as_dict(part), depth=depth - 1, is_root=False) for part in inner)
