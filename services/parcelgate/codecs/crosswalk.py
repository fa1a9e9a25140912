"""Where each field of the record stands in the documents of a format."""

from collections.abc import Iterator
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.scope import Leaf, Scope, Slot

# Messages that are one value to whoever reads a page: an amount with its currency, a time with the words it was written in.
VALUES = frozenset(("Money", "Mass", "Instant", "Day"))
Crosswalk: TypeAlias = dict[str, list[str]]


def crosswalk(mapping: FormatMapping) -> Crosswalk:
    """Return the foreign paths of each field of the record, from the item on; those of the header begin with its name."""
    found: Crosswalk = {}
    for to, at in _places(mapping, mapping.item, "", ""):
        places = found.setdefault(_as_value(mapping.record, to), [])
        if at not in places:
            places.append(at)
    return found


def fields(record: Descriptor, path: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """Go through the fields of a record, each message before what is in it."""
    for field in record.fields:
        name = f"{path}.{field.name}" if path else field.name
        yield name, field
        if field.message_type is not None and field.message_type.name not in VALUES:
            yield from fields(field.message_type, name)


def _places(mapping: FormatMapping, scope: Scope, to: str, at: str) -> Iterator[tuple[str, str]]:
    for node in scope.root.inner():
        for leaf in (node.leaf, *node.also, *node.attributes.values()):
            if leaf is not None and not leaf.row.spread:
                yield _to(scope, leaf, to), _at(at, leaf.row.at)
        if node.each is not None:
            each = node.each
            inner = _dotted(to, _slot(scope.slots, each.slot), each.key)
            yield from _places(mapping, each.scope, inner, _at(at, each.row.at))
    yield from _filled(mapping, scope, to, at)


def _filled(mapping: FormatMapping, scope: Scope, to: str, at: str) -> Iterator[tuple[str, str]]:
    """Go through what no row of the tree reads in its own place."""
    for one in scope.sets:
        yield _dotted(to, _slot(scope.slots, one.slot), one.key), f"always {one.row.value}"
    for spread in scope.spreads:
        for path in spread.paths:
            yield _dotted(to, *path), _at(at, spread.row.at)
    for fill in scope.fills:
        if fill.inherit:
            stands = mapping.header.leaves[fill.inherit].row.at
            yield _to(scope, fill.leaf, to), _at(mapping.header_at or "", stands)
        elif fill.leaf.row.absent:
            yield _to(scope, fill.leaf, to), f"from {fill.leaf.row.derive or fill.leaf.row.default}"


def _to(scope: Scope, leaf: Leaf, to: str) -> str:
    return _dotted(to, _slot(scope.slots, leaf.slot), leaf.key)


def _slot(slots: list[Slot], number: int) -> str:
    return _dotted(_slot(slots, slots[number].parent), slots[number].key) if number else ""


def _dotted(*parts: str) -> str:
    return ".".join(filter(None, parts))


def _at(before: str, at: str) -> str:
    return "/".join(filter(None, (before, at)))


def _as_value(record: Descriptor, path: str) -> str:
    """Cut a path off at the first message that is one value."""
    names = path.split(".")
    message: Descriptor | None = record
    for place, name in enumerate(names, 1):
        message = message.fields_by_name[name].message_type if message is not None else None
        if message is not None and message.name in VALUES:
            return ".".join(names[:place])
    return path
