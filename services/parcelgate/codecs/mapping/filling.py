"""Filling in: what a record has although nothing of the document said it, once one scope of it was read.

Values of the header, computed ones, defaults, what the format always means; and one field of the document for many of the record.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Protocol, TypeAlias

from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.ledger import Marks
from parcelgate.codecs.mapping.scope import Agreement, Fill, Gather, Joined, Leaf, Scope, Set, Slot, Spread, Zip


class Context(Protocol):
    """What filling in asks of the reading of a document; place is where the scope stands in it."""

    header: Mapping[str, Any]
    # Slots (by identity) and rows whose field was there but unreadable: no default may cover it.
    failed: set[tuple[int, int]]
    marks: Marks

    def missing(self, fill: Fill, place: Any) -> None:
        """Say that a needed field is missing."""
        ...

    def uneven(self, short: Leaf, long: Leaf, place: Any, counts: tuple[int, int], *, apart: bool) -> None:
        """Say that of two parallel arrays one has fewer entries; they stand apart if each has an element of its own around it."""
        ...

    def underived(self, fill: Fill, place: Any, slots: list[Any], defect: Defect) -> Any:
        """Say that a field can't be computed from another one; returns what can be kept."""
        ...


Complete: TypeAlias = Callable[[Any, list[Any], Any], None]
# A slot and a key that may be absent; the slot without which there is nothing to do; what to do with place, slots and context.
Completion = tuple[int, str, int, Complete]


def open_slot(slots: list[Any], number: int, specs: Sequence[Slot]) -> dict[str, Any]:
    """Make the dict of a slot, and those it lies in."""
    above, key, select = specs[number]
    parent = slots[above]
    if parent is None:
        parent = open_slot(slots, above, specs)
    opened: dict[str, Any] = {}
    if select is None:
        parent[key] = opened
    else:
        opened[select[0]] = select[1]
        if key in parent:
            parent[key].append(opened)
        else:
            parent[key] = [opened]
    slots[number] = opened
    return opened


def completions(scope: Scope) -> tuple[Completion, ...]:
    """Make what completes a record of the scope, in the order in which it has to be done."""
    return (
        *(_gathering(each) for each in scope.gathers),
        *(_zipping(each) for each in scope.zips),
        *(_joining(each) for each in scope.joins),
        *(_always(each, scope.slots) for each in scope.sets),
        *(_agreeing(each) for each in scope.agreements),
        *(_completion(each, scope.slots) for each in scope.fills),
    )


def _always(each: Set, specs: Sequence[Slot]) -> Completion:
    slot, key, value = each.slot, each.key, each.value

    def complete(place: Any, slots: list[Any], context: Context) -> None:  # noqa: ARG001  completions share one shape
        target = slots[slot]
        if target is None:
            target = open_slot(slots, slot, specs)
        target[key] = value

    return slot, key, 0, complete


def _gathering(each: Gather) -> Completion:
    """Make the closure that puts the entries of a list in their order."""
    slot, key, names, is_open = each.slot, each.key, each.names, each.open

    def complete(place: Any, slots: list[Any], context: Context) -> None:  # noqa: ARG001  completions share one shape
        target = slots[slot]
        entries = []
        for name in names:
            entry = target.pop(name, None)
            if entry is not None:
                entries.append(entry)
        if is_open and entries and isinstance(entries[-1], list):
            entries[-1:] = entries[-1]
        if entries:
            target[key] = entries

    return slot, key, slot, complete


def _zipping(each: Zip) -> Completion:
    """Make the closure that turns parallel arrays into the entries of a list; what is over in one of them is kept."""
    slot, key, arrays, needed = each.slot, each.key, each.arrays, bool(each.row.need)
    fields = [leaf.row.part for leaf in arrays]
    apart = len({leaf.row.at.rpartition("/")[0] for leaf in arrays}) > 1

    def complete(place: Any, slots: list[Any], context: Context) -> None:
        target = slots[slot]
        columns = [target.pop(leaf.key, ()) for leaf in arrays]
        lengths = [len(column) for column in columns]
        most = max(lengths)
        if not most:
            return
        longest = arrays[lengths.index(most)]
        for leaf, length in zip(arrays, lengths, strict=True):
            if length < most and (length or needed):
                context.uneven(leaf, longest, place, (length, most), apart=apart)
        target[key] = [
            {field: text for field, text in zip(fields, texts, strict=True) if text}
            for texts in zip_longest(*columns, fillvalue="")
        ]

    return slot, key, slot, complete


def _joining(each: Joined) -> Completion:
    """Make the closure that makes one text of its pieces."""
    slot, key, name, join = each.slot, each.key, each.name, each.pieces.join

    def complete(place: Any, slots: list[Any], context: Context) -> None:  # noqa: ARG001  completions share one shape
        target = slots[slot]
        text = join(target.pop(name, ()))
        if text:
            target[key] = text

    return slot, key, slot, complete


def _agreeing(each: Agreement) -> Completion:
    """Make the closure that holds a field against others; what it says is kept, whether they agree or not."""
    leaf, agrees, leaves = each.leaf, each.agrees, (each.leaf, *each.sources)
    said = Fill(leaf, sources=leaves)

    def complete(place: Any, slots: list[Any], context: Context) -> None:
        values = _values(leaves, slots)
        if None in values:
            return
        try:
            agrees(*values)
        except Defect as defect:
            defect.keep = values[0]
            context.underived(said, place, slots, defect)

    # No field has this name, so it is always looked at.
    return leaf.slot, f"\0{leaf.key}", leaf.slot, complete


def _completion(fill: Fill, specs: Sequence[Slot]) -> Completion:
    """Make the closure that fills an absent field in, or says that it is missing."""
    slot, key, row, inherit = fill.leaf.slot, fill.leaf.key, fill.leaf.row, fill.inherit
    derive, default = fill.derive, fill.default
    # A currency alone is no amount, and nothing is required, or taken for granted, of a part that is not there.
    alone = slot if (default is not None and (key == "currency" or row.absent)) or row.need == "required" else 0
    basis = fill.sources[0].slot if fill.sources else alone

    def complete(place: Any, slots: list[Any], context: Context) -> None:
        if context.failed and (id(slots), row.number) in context.failed:
            return
        value = context.header.get(inherit) if inherit else None
        if value is None and derive is not None:
            value = _derived(fill, derive, place, slots, context)
        if value is None and default is not None:
            value = default
            context.marks.defaulted[row.number] += 1
        if value is not None:
            target = slots[slot]
            if target is None:
                target = open_slot(slots, slot, specs)
            target[key] = value
        elif row.need:
            context.missing(fill, place)

    return slot, key, basis, complete


def _derived(fill: Fill, derive: Callable[..., Any], place: Any, slots: list[Any], context: Context) -> Any:
    known = []
    for each in fill.sources:
        source = slots[each.slot]
        value = None if source is None else source.get(each.key)
        if value is None:
            return None
        known.append(value)
    try:
        return derive(*known)
    except Defect as defect:
        return context.underived(fill, place, slots, defect)


def _values(leaves: Sequence[Leaf], slots: Sequence[Any]) -> list[Any]:
    return [None if slots[each.slot] is None else slots[each.slot].get(each.key) for each in leaves]


def spreading(spreads: Sequence[Spread]) -> Callable[[dict[str, Any]], None]:
    """Make what gives the value of one field of the document to all fields it stands for, where the part around them is there."""
    ways = [(each.key, _branches(each.paths)) for each in spreads]

    def spread(record: dict[str, Any]) -> None:
        for key, branches in ways:
            value = record.pop(key, None)
            if value is not None:
                _spread(record, branches, value)

    return spread


# A name, the field in it that gets the value if that is all there is to do there, and what else lies in it.
_Branches: TypeAlias = Sequence[tuple[str, str, "_Branches"]]


def _branches(paths: Sequence[tuple[str, ...]]) -> _Branches:
    inner: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        inner.setdefault(path[0], []).append(path[1:])
    return [
        (name, rests[0][0] if len(rests) == len(rests[0]) == 1 else "", _branches([rest for rest in rests if rest]))
        for name, rests in inner.items()
    ]


def _spread(part: dict[str, Any], branches: _Branches, value: Any) -> None:
    for name, only, inner in branches:
        if not inner:
            part.setdefault(name, value)
        elif (found := part.get(name)) is None:
            continue
        elif found.__class__ is list:
            for entry in found:
                _spread(entry, inner, value)
        elif only:
            # Records share the small dicts that converters make, so it is another one that gets the value.
            part[name] = {only: value, **found}
        else:
            part[name] = found = dict(found)
            _spread(found, inner, value)
