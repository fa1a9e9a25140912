"""Fields of a message joined as bytes: what is bytes already need not be read and written again to travel inside another.

Protobuf promises that the bytes of a message are those of its fields, in any order, one after the other.
Of a field that comes twice the later one counts, or adds to the first if it is a message.
"""

from collections.abc import Iterator

_BYTES = 2
_MORE = 0x80
_SHORT = 0x4000
# What stands before a body of less than 128 bytes: by the number of the field, then by the size of the body.
_HEADS = [[bytes((number << 3 | _BYTES, size)) for size in range(_MORE)] for number in range(16)]


def field(number: int, body: bytes) -> bytes:
    """Write a field (its number: 1 to 15) that holds text, bytes or a message."""
    size = len(body)
    if size < _MORE:
        return _HEADS[number][size] + body
    if size < _SHORT:
        return bytes((number << 3 | _BYTES, size & 0x7F | _MORE, size >> 7)) + body
    return bytes((number << 3 | _BYTES, *_varint(size))) + body


def whole(number: int, value: int) -> bytes:
    """Write a field (its number: 1 to 15) that holds a whole number from 0 on, or a value of an enum."""
    if value < _MORE:
        return bytes((number << 3, value))
    return bytes((number << 3, *_varint(value)))


def _varint(value: int) -> Iterator[int]:
    while value >= _MORE:
        yield value & 0x7F | _MORE
        value >>= 7
    yield value
