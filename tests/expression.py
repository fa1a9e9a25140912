"""What a format can say of a record: its mapping tells which fields and which entries of lists come back."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from parcelgate.codecs.mapping import target
from parcelgate.codecs.mapping.scope import Scope
from parcelgate.codecs.registry import Format
from parcelgate.core import hash as canonical

_CHOSEN = re.compile(r"([a-z_]+)\[([a-z_]+)=(\w+)\]")


def carried(form: Format, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a header that the format has a place for."""
    return {name: value for name, value in facts.items() if name in form.mapping.header.leaves}


def expressible(form: Format, message: Message) -> dict[str, Any]:
    """The fields of a record that come back from a document of the format; parties in the order of their roles."""
    record = canonical.fields_of(message)
    for path in form.mapping.losses:
        _take(record, path.split("."), message.DESCRIPTOR)
    _homeless(record, form.mapping.item)
    parties = record.get("item", {}).get("parties")
    if parties is not None:
        parties.sort(key=lambda party: party.get("role", 0))
    return record


def agreed(form: Format, record: dict[str, Any]) -> dict[str, Any]:
    """The record with the values on which the format insists, and which it would refuse to write otherwise."""
    scope = form.mapping.item
    found = copy.deepcopy(record)
    for each in scope.sets:
        part, number, steps = found, each.slot, []
        while number:
            steps.append(scope.slots[number].key)
            number = scope.slots[number].parent
        for step in reversed(steps):
            part = part.setdefault(step, {})
        part[each.key] = each.value
    return found


def sayable(form: Format, name: str) -> list[int]:
    """The values of an enum for which a code list of the format has codes; none if it has no such list."""
    table = form.source["code"].get(name, {"values": {}})
    return sorted({target.enum_of(table["enum"]).values_by_name[value].number for value in table["values"].values()})


def inherited(form: Format, record: dict[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The record with what its items take from the header where they say nothing themselves."""
    for fill in form.mapping.item.fills:
        if facts.get(fill.inherit):
            *steps, last = fill.leaf.row.to.split(".")
            part = record
            for step in steps:
                part = part.setdefault(step, {})
            part.setdefault(last, facts[fill.inherit])
    return record


def _take(part: dict[str, Any], steps: list[str], descriptor: Any) -> None:
    """Take a lost field away, in all entries of the lists above it or in those that the path chooses."""
    step, *rest = steps
    match = _CHOSEN.fullmatch(step)
    name = match[1] if match else step
    if name not in part:
        return
    inner = descriptor.fields_by_name[name].message_type
    value = part[name]
    if match:
        wanted = _wanted(inner.fields_by_name[match[2]], match[3])
        chosen = [entry for entry in value if entry.get(match[2]) == wanted]
        value = value if rest else [entry for entry in value if entry.get(match[2]) != wanted]
    else:
        chosen = value if isinstance(value, list) else [value]
        value = value if rest else None
    # A part that was empty before says something: a mass of zero.
    said = bool(value)
    if rest:
        for entry in chosen:
            _take(entry, rest, inner)
    part[name] = value
    if not value and (said or not rest):
        del part[name]


def _wanted(field: Any, word: str) -> int | str:
    """The value by which a path chooses: of an enum, its number."""
    numbers = {each.name: each.number for each in field.enum_type.values} if field.enum_type else {}
    return next((number for name, number in numbers.items() if name.endswith(f"_{word}")), word)


def _homeless(record: dict[str, Any], scope: Scope) -> None:
    """Take away second entries of a list whose rows each choose the one of a role, and that has no rows for others."""
    lists = {(node.each.slot, node.each.key) for node in scope.root.inner() if node.each is not None}
    cells: list[Any] = [record]
    for slot in scope.slots[1:]:
        parent = cells[slot.parent]
        value = parent.get(slot.key) if parent is not None else None
        if value is not None and slot.select is not None:
            key, wanted = slot.select
            same = [entry for entry in value if entry.get(key) == wanted]
            if (slot.parent, slot.key) not in lists:
                parent[slot.key] = [entry for entry in value if not any(entry is each for each in same[1:])]
            value = same[0] if same else None
        cells.append(value)
