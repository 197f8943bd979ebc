"""Byte streams that nobody would send, for fuzzing a reader of frames with hypothesis."""

from typing import Final

from hypothesis import strategies as st

__all__ = ["PIECES", "STREAMS"]

PIECES: Final = (
    b'{"jsonrpc":"2.0","id":1,"method":"queue/stats"}',
    b'{"jsonrpc":"2.0","id":"1","method":"queue/lease","params":{"max":1}}',
    b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}',
    b'{"jsonrpc":"2.0","id":1,"result":null}',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":1e99}}',
    b'"jsonrpc"',
    b"\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"1e400",
    b"-0",
    b"\x00",
    b'"id":' + b"9" * 400,
    b"[" * 3000,
)
"""What streams are made of: whole frames, broken ones, and bytes that matter to a reader."""

STREAMS: Final = st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=12).map(b"".join)
"""Fragments of frames, odd bytes and newlines in any order."""
