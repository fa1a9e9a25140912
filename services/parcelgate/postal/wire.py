"""How the gateway and its translation processes talk: frames of a kind and a body over a pipe, fields within a body.

Nothing is unpickled: the process that reads foreign documents can only send bytes of this shape.
"""

import struct
from collections.abc import Sequence

# To the process: a document begins, more of it, its end. From it: items, the end of the work.
BEGIN, PART, END, ITEMS, CLOSED = 1, 2, 3, 4, 5
HEAD = struct.Struct("!BI")
_NUMBER = struct.Struct("!I")


def frame(kind: int, body: bytes = b"") -> bytes:
    """Return a frame."""
    return HEAD.pack(kind, len(body)) + body


def pack(fields: Sequence[bytes]) -> bytes:
    """Join fields so that unpack finds them again."""
    return struct.pack(f"!I{len(fields)}I", len(fields), *map(len, fields)) + b"".join(fields)


def unpack(body: bytes) -> list[bytes]:
    """Split what pack joined; raises struct.error if it is cut off."""
    (count,) = _NUMBER.unpack_from(body)
    place = _NUMBER.size * (count + 1)
    found = []
    for length in struct.unpack_from(f"!{count}I", body, _NUMBER.size):
        found.append(body[place : place + length])
        place += length
    return found
