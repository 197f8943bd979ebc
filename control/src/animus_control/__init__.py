"""The control surface of Animus: what can be asked of a project, by whatever asks.

`operations` is the table everything is generated from, `errors` what an answer can be instead of a result, `project`
and `endpoint` say where a project's daemon listens, `client` asks it. Whatever talks to a daemon (the command line, a
transport, a script) needs this package and not the kernel. Importing the package imports none of its modules.
"""

__all__: list[str] = []
