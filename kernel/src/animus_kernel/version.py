"""The version of this package, without asking installed metadata at every start."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
