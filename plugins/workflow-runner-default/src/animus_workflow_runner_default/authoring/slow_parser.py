"""The Python parser of PyYAML, for an installation without its C extension."""

from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

__all__ = ["SlowParser"]


class SlowParser(Reader, Scanner, Parser):
    """Text in, events out, about ten times slower than the C parser."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
