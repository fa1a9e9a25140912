"""Reading one object: the tree of a scope as tables of names, walked once beside the members.

This is the hot loop of carriers' documents. A plain field is handled in place; everything else is a closure made at load.
"""

from collections.abc import Callable, Iterator
from typing import Any

from parcelgate.codecs.json.context import Context, Place
from parcelgate.codecs.json.occurrence import Special, Way, choosing, is_single, name_at, occurrences
from parcelgate.codecs.json.step import lookup
from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.filling import Completion, completions, open_slot, spreading
from parcelgate.codecs.mapping.quantity import plus
from parcelgate.codecs.mapping.scope import Each, Leaf, Node, Scope

# Converter, slot, key, row, and the closure that does the work where it is more than one plain value.
Entry = tuple[Callable[[str], Any] | None, int, str, int, Special | None]


class Reader:
    """Reads one scope from an object, or from a plain value if that is all it is."""

    __slots__ = ("_empty", "_facts", "_fills", "_leaf", "_spread", "_walk")

    def __init__(self, scope: Scope, *, strict: bool = False) -> None:
        """Compile; strict formats find it worth a word if one object stands where an array is usual."""
        self._spread = spreading(scope.spreads) if scope.spreads else None
        self._empty: list[Any] = [None] * (len(scope.slots) - 1)
        self._leaf = None if scope.root.leaf is None else _plain(scope, scope.root.leaf)
        self._walk = _walker(scope, scope.root, strict)
        self._facts = tuple(_facts(scope.root, ()))
        self._fills: tuple[Completion, ...] = completions(scope)

    def read(self, value: Any, context: Context, place: Place) -> dict[str, Any]:
        """Make the record of this scope."""
        record: dict[str, Any] = {}
        slots: list[Any] = [record, *self._empty]
        if value.__class__ is dict or isinstance(value, dict):
            outer = context.facts
            if self._facts:
                context.facts = outer | self._said(value, context, place)
            self._walk(value, slots, context, place)
            context.facts = outer
        elif self._leaf is not None:
            self._leaf(value, slots, context, place)
        else:
            context.kind(value, place, "an object")
        for slot, key, basis, complete in self._fills:
            target = slots[slot]
            if (target is None or key not in target) and slots[basis] is not None:
                complete((value, place), slots, context)
        if self._spread is not None:
            self._spread(record)
        return record

    def _said(self, value: Any, context: Context, place: Place) -> dict[str, str | None]:
        """Look up what other fields are read by, wherever it stands in the object."""
        said: dict[str, str | None] = {}
        for path, row in self._facts:
            text = lookup(value, path)
            if text is None:
                context.marks.defaulted[row.number] += 1
                said[row.fact] = row.values[row.encode]
            elif text in row.values:
                context.counts[row.number] += 1
                said[row.fact] = row.values[text]
            else:
                here = place
                for step in path:
                    here = (here, step)
                context.add("CODE_UNKNOWN", here, name=path[-1], known=", ".join(row.values))
                said[row.fact] = None
        return said


def _facts(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in node.children.items():
        if child.fact is not None:
            yield (*path, name), child.fact
        yield from _facts(child, (*path, name))


def _walker(scope: Scope, node: Node, strict: bool, *, several: bool = False) -> Special:  # noqa: C901, FBT001  one loop, all inline
    table: dict[str, Entry] = {}
    leaves: dict[int, Leaf] = {}
    for name, child in node.children.items():
        table[name] = entry = _entry(scope, child, strict)
        if child.leaf is not None:
            leaves[entry[3]] = child.leaf
    specs = scope.slots

    def walk(value: Any, slots: list[Any], context: Context, place: Place) -> None:  # noqa: C901, PLR0912  one loop, all inline
        if value.__class__ is not dict and not isinstance(value, dict):
            _unwrapped(walk, value, slots, context, place, several=several)
            return
        counts = context.counts
        for name, child in value.items():
            try:
                read, slot, key, row, special = table[name]
            except KeyError:
                context.unknown(place, name)
                continue
            if child is None:
                continue
            if special is not None:
                special(child, slots, context, (place, name))
                continue
            counts[row] += 1
            if read is None:
                continue
            if child.__class__ is not str:
                child = context.odd(child, (place, name), leaves[row], slots)  # noqa: PLW2901  the same value as a text
                if child is None:
                    continue
            try:
                found = read(child)
            except Defect as defect:
                found = context.defect((place, name), leaves[row], defect, child, slots)
            # An empty text is nothing; an empty dict is the quantity zero.
            if found or found == {}:
                target = slots[slot]
                if target is None:
                    above, part, select = specs[slot]
                    if select is None and slots[above] is not None:
                        slots[above][part] = slots[slot] = target = {}
                    else:
                        target = open_slot(slots, slot, specs)
                target[key] = found

    return walk


def _unwrapped(walk: Special, value: Any, slots: list[Any], context: Context, place: Place, *, several: bool) -> None:
    """Walk through the objects of an array, if there is one or may be several."""
    if isinstance(value, list) and (several or len(value) == 1):
        for one, here in occurrences(value, place):
            if isinstance(one, dict):
                walk(one, slots, context, here)
            elif one is not None:
                context.kind(one, here, "an object")
    else:
        context.kind(value, place, "an object")


def _entry(scope: Scope, node: Node, strict: bool) -> Entry:  # noqa: FBT001  said by the format
    leaf = node.leaf
    if leaf is not None and not (node.cases or node.children or node.also or _is_special(leaf)):
        return leaf.converter.read, leaf.slot, leaf.key, leaf.row.number, None
    if node.fixed is not None and node.fixed.const is None and not node.cases:
        return None, 0, "", node.fixed.number, None
    special = _occurring(scope, node, strict) if node.cases else _own(scope, node, strict)
    if strict and node.array:
        special = _strictly(special)
    return str, 0, "", 0 if leaf is None else leaf.row.number, special


def _strictly(special: Special) -> Special:
    """Find it worth a word if one stands alone where an array is usual; it is read all the same."""

    def read(value: Any, slots: list[Any], context: Context, place: Place) -> None:
        if not isinstance(value, list):
            context.kind(value, place, "an array")
        special(value, slots, context, place)

    return read


def _is_special(leaf: Leaf) -> bool:
    return bool(leaf.merge or leaf.second or leaf.row.many or leaf.row.sum or leaf.converter.fact)


def _own(scope: Scope, node: Node, strict: bool) -> Special:  # noqa: FBT001  said by the format
    """Make the closure of a node's own rows, which get all there is under its name."""
    if node.also:
        return _all([_main(scope, node, strict), *(_plain(scope, leaf) for leaf in node.also)])
    return _main(scope, node, strict)


def _all(specials: list[Special]) -> Special:
    def read_all(value: Any, slots: list[Any], context: Context, place: Place) -> None:
        for special in specials:
            special(value, slots, context, place)

    return read_all


def _main(scope: Scope, node: Node, strict: bool) -> Special:  # noqa: FBT001  said by the format
    if node.each is not None:
        return _each(scope, node.each, strict=strict)
    if node.fixed is not None:
        number, const = node.fixed.number, node.fixed.const
        return _ignoring(number) if const is None else _constant(number, const)
    if node.fact is not None:
        return _nothing
    if node.children:
        return _walker(scope, node, strict, several=node.array)
    assert node.leaf is not None
    return _plain(scope, node.leaf)


def _occurring(scope: Scope, node: Node, strict: bool) -> Special:  # noqa: FBT001  said by the format
    """Make the closure of a name whose occurrences are read each by its own rows."""
    ways = [Way(case.tests, case.place, _own(scope, case.node, strict), is_single(case.node)) for case in node.cases]
    if node.has_rows:
        ways.append(Way((), 0, _own(scope, node, strict), single=False))
    return choosing(ways)


def _nothing(value: Any, slots: list[Any], context: Context, place: Place) -> None:
    """Read nothing: it was looked up before."""


def _ignoring(row: int) -> Special:
    def ignore(value: Any, slots: list[Any], context: Context, place: Place) -> None:  # noqa: ARG001  closures share one shape
        context.counts[row] += 1

    return ignore


def _constant(row: int, wanted: str) -> Special:
    def check(value: Any, slots: list[Any], context: Context, place: Place) -> None:  # noqa: ARG001  closures share one shape
        context.counts[row] += 1
        if value != wanted and lookup(value, ()) != wanted:
            context.add("CONSTANT_DIFFERS", place, name=name_at(place), wanted=wanted)

    return check


def _each(scope: Scope, each: Each, *, strict: bool) -> Special:
    read = Reader(each.scope, strict=strict).read
    slot, key, specs, row = each.slot, each.key, scope.slots, each.row.number
    plain = each.scope.root.leaf is not None

    def append(value: Any, slots: list[Any], context: Context, place: Place) -> None:
        several = value.__class__ is list
        for number, one in enumerate(value if several else (value,)):
            if one is None:
                continue
            context.counts[row] += 1
            here = (place, number) if several else place
            if one.__class__ is not dict and not plain and not isinstance(one, dict):
                context.kind(one, here, "an object")
                continue
            entry = read(one, context, here)
            target = slots[slot]
            if target is None:
                target = open_slot(slots, slot, specs)
            entries = target.get(key)
            if entries is None:
                target[key] = [entry]
            else:
                entries.append(entry)

    return append


def _plain(scope: Scope, leaf: Leaf) -> Special:
    """Make the closure of a plain value that is not simply stored."""
    row, several, keep = leaf.row.number, leaf.row.many or leaf.row.sum, _keeping(scope, leaf)
    usual, fact, ways = leaf.converter.read, leaf.converter.fact, leaf.converter.ways

    def store(value: Any, slots: list[Any], context: Context, place: Place) -> None:
        context.counts[row] += 1
        text = value if value.__class__ is str else context.odd(value, place, leaf, slots)
        if text is None:
            return
        read = usual
        if fact:
            way = context.facts.get(fact)
            if way is None:
                context.failed.add((id(slots), row))
                return
            read = ways[way]
        try:
            keep(read(text), slots)
        except Defect as defect:
            keep(context.defect(place, leaf, defect, text, slots), slots)

    def store_all(value: Any, slots: list[Any], context: Context, place: Place) -> None:
        for one, here in occurrences(value, place):
            if one is not None:
                store(one, slots, context, here)

    return store_all if several else store


def _keeping(scope: Scope, leaf: Leaf) -> Callable[[Any, list[Any]], None]:
    """Make what puts a value into the record, if it is one; it raises Defect if there is no room for it."""
    specs, slot, key, put = scope.slots, leaf.slot, leaf.key, _put(leaf)

    def keep(value: Any, slots: list[Any]) -> None:
        if value or value == {}:
            target = slots[slot]
            if target is None:
                target = open_slot(slots, slot, specs)
            put(target, key, value)

    return keep


def _put(leaf: Leaf) -> Callable[[dict[str, Any], str, Any], None]:
    """Choose how a value goes to those that are there."""
    if leaf.merge:
        return lambda target, _, value: target.update(value)
    if leaf.row.many:
        return lambda target, key, value: target.setdefault(key, []).append(value)
    if leaf.row.sum:
        return _add
    if leaf.second:
        return dict.setdefault
    return dict.__setitem__


def _add(target: dict[str, Any], key: str, value: dict[str, int]) -> None:
    """Add a mass to those before it."""
    target[key] = plus(target.get(key, {}), value)
