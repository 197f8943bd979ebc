"""What the control operations do, one module a noun.

An operation that needs no plugin is a plain function of the project; it may block and runs beside the event loop.
The others are coroutine functions of the kernel, streams are async generators of the kernel.
"""

__all__: list[str] = []
