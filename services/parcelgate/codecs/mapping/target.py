"""Where in the record a row leads: paths like item.parties[role=SENDER].name, checked against the contract."""

import re
from dataclasses import dataclass
from typing import cast

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

# Importing the contract puts it into the pool.
from parcelgate.api.record.v1 import chunk_pb2 as _chunk  # noqa: F401
from parcelgate.api.record.v1 import decision_pb2 as _decision  # noqa: F401
from parcelgate.api.record.v1 import dispatch_pb2 as _dispatch  # noqa: F401
from parcelgate.api.record.v1 import event_pb2 as _event  # noqa: F401
from parcelgate.api.record.v1 import referral_pb2 as _referral  # noqa: F401

_STEP = re.compile(r"([a-z][a-z0-9_]*)(?:\[([a-z_]+)=([A-Za-z0-9_ -]+)\])?")
_KINDS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_UINT32: "int",
    FieldDescriptor.TYPE_ENUM: "enum",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path; select chooses the entry of a list whose field has the value (of an enum, its number)."""

    name: str
    select: tuple[str, int | str] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The field that a row leads to."""

    steps: tuple[Step, ...]
    # string, bool, int, enum, or the name of a message.
    kind: str
    repeated: bool
    enum: EnumDescriptor | None = None
    message: Descriptor | None = None


def message_of(name: str) -> Descriptor:
    """Find a message of the contract; raises KeyError."""
    return descriptor_pool.Default().FindMessageTypeByName(name)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


def enum_of(name: str) -> EnumDescriptor:
    """Find an enum of the contract; raises KeyError."""
    return descriptor_pool.Default().FindEnumTypeByName(name)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


def short_names(enum: EnumDescriptor) -> dict[str, int]:
    """Name the values of an enum without the words they all begin with, and without the unspecified one."""
    zero = next(value.name for value in enum.values if value.number == 0)
    begin = zero.removesuffix("UNSPECIFIED")
    return {value.name.removeprefix(begin): value.number for value in enum.values if value.number}


def target(root: Descriptor, path: str) -> Target:
    """Follow a path through the contract; raises ValueError with the step that does not exist."""
    message: Descriptor | None = root
    steps: list[Step] = []
    field: FieldDescriptor | None = None
    parts = path.split(".")
    for place, part in enumerate(parts):
        match = _STEP.fullmatch(part)
        if match is None or message is None or match[1] not in message.fields_by_name:
            raise ValueError(f"the record has no field {'.'.join(parts[: place + 1])}")
        field = message.fields_by_name[match[1]]
        message = field.message_type
        last = place == len(parts) - 1
        if match[2]:
            steps.append(Step(field.name, _selected(field, match[2], match[3])))
        elif field.is_repeated and not last:
            raise ValueError(f"{'.'.join(parts[: place + 1])} is a list: choose an entry, for example [role=SENDER]")
        else:
            steps.append(Step(field.name))
    assert field is not None
    kind = message.name if message is not None else _KINDS.get(field.type, "other")
    return Target(tuple(steps), kind, field.is_repeated and steps[-1].select is None, field.enum_type, message)


def value_of(field: FieldDescriptor, word: str) -> int | str | bool:
    """Read a value of the record as mappings write it: an enum by its short name, a text as it is, true.

    Raises ValueError.
    """
    if field.enum_type is not None:
        numbers = short_names(field.enum_type)
        if word not in numbers:
            raise ValueError(f"{word} is no value of {field.enum_type.name}")
        return numbers[word]
    if field.type == FieldDescriptor.TYPE_BOOL and word == "true":
        return True
    if field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
        raise ValueError(f"{field.name} can't be given a value here")
    return word


def field_of(root: Descriptor, path: str, *, through_lists: bool = False) -> FieldDescriptor:
    """Find the last field of a path; through lists, it is that of each entry. Raises ValueError."""
    if through_lists:
        message: Descriptor | None = root
        field: FieldDescriptor | None = None
        for name in path.split("."):
            field = message.fields_by_name.get(name) if message is not None else None
            if field is None:
                raise ValueError(f"the record has no field {path}")
            message = field.message_type
        assert field is not None
        return field
    inner: Descriptor = root
    steps = target(root, path).steps
    for step in steps[:-1]:
        inner = cast("Descriptor", inner.fields_by_name[step.name].message_type)
    return inner.fields_by_name[steps[-1].name]


def check_loss(root: Descriptor, path: str) -> None:
    """Follow a path through the contract and through its lists, or entries chosen of them; raises ValueError."""
    message: Descriptor | None = root
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        field = message.fields_by_name.get(match[1]) if match is not None and message is not None else None
        if match is None or field is None:
            raise ValueError(f"the record has no field {path}")
        if match[2]:
            _selected(field, match[2], match[3])
        message = field.message_type


def aim_of(field: FieldDescriptor) -> Target:
    """Describe a field as the end of a path."""
    message = field.message_type
    kind = message.name if message is not None else _KINDS.get(field.type, "other")
    return Target((Step(field.name),), kind, field.is_repeated, field.enum_type, message)


def _selected(field: FieldDescriptor, key: str, word: str) -> tuple[str, int | str]:
    inner = field.message_type.fields_by_name.get(key) if field.is_repeated and field.message_type else None
    if inner is None or inner.type not in (FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_STRING):
        raise ValueError(f"the entries of {field.name} can't be chosen by {key}")
    return key, value_of(inner, word)
