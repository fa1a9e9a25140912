"""Fields of a message joined as bytes: what is bytes already need not be read and written again to travel inside another.

Protobuf promises that the bytes of a message are those of its fields, in any order, one after the other.
"""

_BYTES = 2
_MORE = 0x80
_SHORT = 0x4000


def field(number: int, body: bytes) -> bytes:
    """Write a field (its number: 1 to 15) that holds text, bytes or a message."""
    size = len(body)
    if size < _MORE:
        return bytes((number << 3 | _BYTES, size)) + body
    if size < _SHORT:
        return bytes((number << 3 | _BYTES, size & 0x7F | _MORE, size >> 7)) + body
    head = bytearray((number << 3 | _BYTES,))
    while size >= _MORE:
        head.append(size & 0x7F | _MORE)
        size >>= 7
    head.append(size)
    return bytes(head) + body
