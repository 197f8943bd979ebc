"""The default Animus queue: a plugin of the kind ``queue``.

Run it with ``python -m animus_queue_default``. The domain (`queue`, `fenced`, `view` over a `store`) knows nothing
of the protocol; `adapter` does. Nothing is imported here, because hosts look at the package without running it.
"""

__all__: list[str] = []
