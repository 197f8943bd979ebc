"""What a project is made of, decided before any process starts.

Its manifest, flavor and packs are read as data, the plugins are found, and each role is bound to one of them; settings
come with it. Importing the package imports none of its modules.
"""

__all__: list[str] = []
