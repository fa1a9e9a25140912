"""Where each field of the record stands in the documents of a format."""

import re
from collections.abc import Iterator
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.scope import Leaf, Scope, Slot

# Messages that are one value to whoever reads a page: an amount with its currency, a time with the words it was written in.
VALUES = frozenset(("Money", "Mass", "Instant", "Day"))
_CHOICE = re.compile(r"\[[^\]]*\]")
Crosswalk: TypeAlias = dict[str, list[str]]


def crosswalk(mapping: FormatMapping) -> Crosswalk:
    """Return the foreign paths of each field of the record, from the item on; those of the header begin with its name."""
    found: Crosswalk = {}
    for to, at in _places(mapping):
        places = found.setdefault(_as_value(mapping.record, to), [])
        if at not in places:
            places.append(at)
    return found


def code_lists(mapping: FormatMapping) -> dict[str, list[str]]:
    """Return the code lists by which each field of the record is read, in the order of the rows."""
    found: dict[str, list[str]] = {}
    for to, _, leaf in (each for _, scope in (("", mapping.item), *mapping.around) for each in _leaves(scope, "", "")):
        name, _, argument = leaf.row.converter.partition("(")
        if name == "code":
            found.setdefault(to, []).append(argument.removesuffix(")"))
    return found


def fields(record: Descriptor, path: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """Go through the fields of a record, each message before what is in it."""
    for field in record.fields:
        name = f"{path}.{field.name}" if path else field.name
        yield name, field
        if field.message_type is not None and field.message_type.name not in VALUES:
            yield from fields(field.message_type, name)


def _places(mapping: FormatMapping) -> Iterator[tuple[str, str]]:
    everything = [("", mapping.item), *mapping.around]
    for group, around in everything:
        yield from ((to, at) for to, at, _ in _leaves(around, "", group))
    for scope, to, at in (each for group, around in everything for each in _scopes(around, "", group)):
        yield from _filled(mapping, scope, to, at)
        for slot in scope.slots[1:]:
            if slot.select is not None:
                yield _to(to, _slot(scope.slots, slot.parent), slot.key, slot.select[0]), "by its place"


def _scopes(scope: Scope, to: str, at: str) -> Iterator[tuple[Scope, str, str]]:
    """Go through a scope and those of its lists, with the paths at which they begin in the record and in the document."""
    yield scope, to, at
    for node in scope.root.inner():
        if node.each is not None:
            row = node.each.row
            yield from _scopes(node.each.scope, _to(to, row.to), _at(at, row.at))


def _leaves(scope: Scope, to: str, at: str) -> Iterator[tuple[str, str, Leaf]]:
    for each, begin, place in _scopes(scope, to, at):
        for node in each.root.inner():
            for leaf in (node.leaf, *node.also, *node.attributes.values()):
                if leaf is not None and not leaf.row.spread:
                    yield _to(begin, leaf.row.to), _at(place, leaf.row.at), leaf


def _filled(mapping: FormatMapping, scope: Scope, to: str, at: str) -> Iterator[tuple[str, str]]:
    """Go through what is not read in a place of its own."""
    for one in scope.sets:
        yield _to(to, one.row.to), f"always {one.row.value}"
    for spread in scope.spreads:
        for path in spread.row.spread:
            yield _to(to, path), _at(at, spread.row.at)
    for fill in scope.fills:
        row = fill.leaf.row
        if fill.inherit:
            yield _to(to, row.to), _at(mapping.header_at or "", mapping.header.leaves[fill.inherit].row.at)
        elif row.absent:
            yield _to(to, row.to), f"from {row.derive or row.default}"


def _slot(slots: list[Slot], number: int) -> str:
    return _to(_slot(slots, slots[number].parent), slots[number].key) if number else ""


def _to(*paths: str) -> str:
    """Put paths in the record together, without what chooses the entries of lists."""
    return ".".join(filter(None, (_CHOICE.sub("", path) for path in paths)))


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
