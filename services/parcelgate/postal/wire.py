"""How the gateway and its translation processes talk: frames of a kind and a body over a pipe.

Bodies are MessagePack of a known shape (reading.py). Nothing is unpickled: the process that reads foreign documents can only
send values of that shape.
"""

import struct

# To the process: a document begins, more of it, its end. From it: items, the end of the work.
BEGIN, PART, END, ITEMS, CLOSED = 1, 2, 3, 4, 5
HEAD = struct.Struct("!BI")


def frame(kind: int, body: bytes = b"") -> bytes:
    """Return a frame."""
    return HEAD.pack(kind, len(body)) + body
