"""Text for clients that lay nothing out themselves; who lays it out is found by an entry point, never by name."""

import functools
import importlib
from typing import Any

import msgspec

from animus_control.errors import ControlError
from animus_control.operations import OPERATIONS
from animus_kernel.kernel import Kernel
from animus_plugin_protocol.wire import control
from animus_plugin_runtime.entry_points import entry_points

__all__ = ["RENDERERS_GROUP", "render"]

RENDERERS_GROUP = "animus.renderers"


async def render(kernel: Kernel, params: control.RenderParams) -> str:
    """Run an operation that needs no params, and answer what a command line prints of it."""
    operation = OPERATIONS.get(params.operation)
    needs_params = operation is not None and any(field.required for field in msgspec.structs.fields(operation.params))
    if operation is None or operation.stream is not None or needs_params:
        raise ControlError("not_supported", f"{params.operation!r} cannot be rendered")
    result = await kernel.run(operation, operation.params())
    lay_out = _renderer()
    return str(lay_out(operation.name, result, width=params.width, colour=params.colour, as_json=params.json))


@functools.cache
def _renderer() -> Any:
    found = entry_points(RENDERERS_GROUP)
    if not found:
        raise ControlError("not_supported", f"nothing installed here offers {RENDERERS_GROUP!r}")
    module, _, name = found[0].value.partition(":")
    return getattr(importlib.import_module(module), name)
