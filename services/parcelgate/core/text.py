"""The one character that no store and no format can carry: U+0000. It is refused at every door, before the store."""

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.fault import fault

NUL = "\0"


def nul_at(message: Message) -> str:
    """Return the field path of the first text of a message that holds U+0000, empty if none does."""
    # Most messages have not even a byte of it, and need not be walked through.
    if b"\0" not in message.SerializeToString():
        return ""
    return next(_places(message, ""), "")


def nul_in(address: str) -> Fault:
    """Make the fault of a text that holds U+0000; the address is in the sender's own terms."""
    return fault("TEXT_NUL", address=address, name=address)


def _places(message: Message, prefix: str) -> Iterator[str]:
    for field, value in message.ListFields():
        place = f"{prefix}{field.name}"
        if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from (place for key in value if NUL in f"{key}{value[key]}")
            continue
        for one, path in (
            [(one, f"{place}[{n}]") for n, one in enumerate(value)] if field.is_repeated else [(value, place)]
        ):
            if isinstance(one, Message):
                yield from _places(one, f"{path}.")
            elif NUL in one:
                yield path
