"""The default workflow runner: a plugin for ``workflow_runner``, ``config_source`` and ``workflow_journal``.

Run it with ``python -m``; see `adapter.build`. By module: `routing` and `machine` decide, `journal` remembers,
`execution` acts, `authoring` reads what people write.
"""

__all__: list[str] = []
