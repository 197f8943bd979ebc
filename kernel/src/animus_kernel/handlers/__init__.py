"""What the control operations do, one module a noun.

An operation that needs no plugin is a plain function of the project; it may block and runs beside the event loop.
The others are coroutine functions of the kernel; a stream's function returns an async iterator.
"""

__all__: list[str] = []
