"""What a host runs in place of ``python -m package`` when that package keeps its answer to ``initialize``.

    python -P -S early.py <package> <directory of the package> [arguments]

The interpreter starts without ``site``, which takes a third of an empty interpreter's start; the answer is sent; then
``site`` runs as it would have before (paths, ``.pth`` files and import hooks of editable installs, ``sitecustomize``),
and the package as ``-m`` would run it. A file that is run has no cache of its own, so that it is short.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Answer, make the interpreter whole, run the package."""
    package, directory = sys.argv[1:3]
    del sys.argv[1:3]
    sys.path.append(__file__.rpartition("animus_plugin_protocol")[0])
    from animus_plugin_protocol.entry import open_early  # noqa: PLC0415 - it has just become importable

    sys.path.pop()
    open_early(directory)
    import site  # noqa: PLC0415 - the point of this file

    site.main()
    import runpy  # noqa: PLC0415 - as above

    runpy.run_module(package, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
