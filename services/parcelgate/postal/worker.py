"""A translation process: takes documents from its standard input, one after the other, and answers item after item.

It holds no key and opens no file or socket; when the gateway dies, its input ends and so does the process. Its argument
says how far it stands back when the machine is busy (nice, 0 to 19).
"""

import gc
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from parcelgate.postal import wire
from parcelgate.postal.reading import End, pack, read, task_of


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Work until the input ends."""
    while (first := _frame(source)) is not None:
        kind, body = first
        if kind != wire.BEGIN:
            raise ValueError(f"a document begins with a frame of kind {wire.BEGIN}, not {kind}")
        parts = _Parts(source)
        for found in read(task_of(body), iter(parts)):
            if isinstance(found, End):
                sink.write(wire.frame(wire.CLOSED, pack(found)))
            else:
                sink.write(wire.frame(wire.ITEMS, pack(found)))
            sink.flush()
        # What a document has beyond the point at which it was given up is not looked at.
        for _ in parts:
            pass


class _Parts:
    """The parts of one document; once its end was seen there are no more."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        while not self._ended:
            found = _frame(self._source)
            if found is None:
                raise EOFError("the gateway is gone")
            if found[0] == wire.END:
                self._ended = True
                return
            yield found[1]


def _frame(source: BinaryIO) -> tuple[int, bytes] | None:
    head = source.read(wire.HEAD.size)
    if len(head) < wire.HEAD.size:
        return None
    kind, length = wire.HEAD.unpack(head)
    return kind, source.read(length)


if __name__ == "__main__":
    # An interrupt from the terminal is the gateway's to handle; this process ends with its input.
    os.setpgid(0, 0)
    os.nice(int(sys.argv[1]))
    # Hardly anything here lies in cycles: what was loaded is not looked through again, and the rest seldom.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    serve(sys.stdin.buffer, sys.stdout.buffer)
