"""Bodies are pressed before they are stored or sent: raw documents to a ninth, batches of facts to a sixth.

Only what is in clear can be pressed, so whoever seals presses first. A pressed body is a Zstandard frame (RFC 8878).
"""

import sys
from dataclasses import replace

from parcelgate.core.port import Message

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What is shorter is not worth a frame of its own.
_LEAST_BYTES = 2048
# Far more than any part, chunk or batch of facts has; a frame that would fill our memory is none of ours.
_MOST_BYTES = 64 * 1024 * 1024
_FASTEST = 1
# RFC 8878, 3.1.1: how every frame begins.
_MAGIC = b"\x28\xb5\x2f\xfd"


def pressed(body: bytes) -> bytes:
    """Return a body as a frame; one that is short, or does not shrink by an eighth, stays what it is."""
    foreign = body.startswith(_MAGIC)
    if len(body) < _LEAST_BYTES and not foreign:
        return body
    frame = zstd.compress(body, _FASTEST)
    # A body that looks like a frame by itself becomes one, so that nobody opens it by mistake.
    return frame if foreign or len(frame) * 8 <= len(body) * 7 else body


def opened(body: bytes) -> bytes:
    """Return what was pressed; raises ValueError for a frame that is damaged, or holds more than 64 MiB."""
    if not body.startswith(_MAGIC):
        return body
    try:
        frame = zstd.ZstdDecompressor()
        whole = frame.decompress(body, _MOST_BYTES)
    except zstd.ZstdError as error:
        raise ValueError(f"a pressed body is damaged: {error}") from error
    if not frame.eof or frame.unused_data:
        raise ValueError("a pressed body is cut, has something behind it, or holds more than 64 MiB")
    return whole


def on_its_way(message: Message) -> Message:
    """Return a message as the outbox and the bus carry it."""
    body = pressed(message.body)
    return message if body is message.body else replace(message, body=body)


def arrived(message: Message) -> Message:
    """Return a message as it was before it was on its way."""
    try:
        body = opened(message.body)
    except ValueError:
        # Whoever handles it cannot read it either, and it becomes a dead letter as it is.
        return message
    return message if body is message.body else replace(message, body=body)
