"""The contract lock: one readable line for each message, field, enum value and call. It may only grow."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "proto" / "contract.lock"
TYPES = {value: name[5:].lower() for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}


def lines() -> list[str]:
    """Return the lines of the contract as it is now, sorted."""
    found: list[str] = []
    for path in sorted((ROOT / "proto").rglob("*.proto")):
        name = ".".join(path.relative_to(ROOT / "proto").with_suffix("").parts) + "_pb2"
        found.extend(_file(importlib.import_module(name).DESCRIPTOR))
    return sorted(found)


def _file(file: FileDescriptor) -> Iterator[str]:
    for message in file.message_types_by_name.values():
        yield from _message(message)
    for enum in file.enum_types_by_name.values():
        yield from _enum(enum)
    for service in file.services_by_name.values():
        for call in service.methods:
            asks = f"{'stream ' * call.client_streaming}{call.input_type.full_name}"
            answers = f"{'stream ' * call.server_streaming}{call.output_type.full_name}"
            yield f"call {service.full_name}.{call.name} ({asks}) -> ({answers})"


def _message(message: Descriptor) -> Iterator[str]:
    yield f"message {message.full_name}"
    for field in message.fields:
        kind = (field.message_type or field.enum_type).full_name if field.message_type or field.enum_type else ""
        many = "repeated " if field.is_repeated else ""
        yield f"field {message.full_name}.{field.name} = {field.number} {many}{kind or TYPES[field.type]}"


def _enum(enum: EnumDescriptor) -> Iterator[str]:
    for value in enum.values:
        yield f"value {enum.full_name}.{value.name} = {value.number}"


def main() -> int:
    """Add what is new; refuse if something that was locked is gone."""
    locked = LOCK.read_text("utf-8").splitlines() if LOCK.exists() else []
    now = lines()
    if gone := sorted(set(locked) - set(now)):
        print("The contract may only grow, and these are gone:", *gone, sep="\n  ", file=sys.stderr)
        return 1
    LOCK.write_text("\n".join(now) + "\n", "utf-8")
    print(f"{len(now) - len(locked)} lines added to {LOCK.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
