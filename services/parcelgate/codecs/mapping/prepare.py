"""Preparing: a record in the form in which a format has it, before its rows are written one by one.

What the format always means is held against the record, computed fields are computed, lists get the names of their entries.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from parcelgate.codecs.mapping.converter import Defect
from parcelgate.codecs.mapping.scope import Leaf, Scope

# The dicts of the slots of a scope, None where the record has nothing there.
Cells = Sequence[Any]


class Unwritable(Exception):  # noqa: N818  a value of ours that the format can't carry
    """The format has no way to say a value; name is the field's, address says where it would stand."""

    def __init__(self, name: str, address: str = "", code: str = "VALUE_NOT_WRITABLE") -> None:
        """Take both, and the code of the fault."""
        super().__init__(name)
        self.name = name
        self.address = address
        self.code = code


def prepare(scope: Scope, cells: list[Any]) -> None:
    """Bring a record into the form in which the format has it; raises Unwritable if it means something the format can't say."""
    for each in scope.sets:
        cell = cells[each.slot]
        if cell is not None and cell.get(each.key, each.value) != each.value:
            raise Unwritable(each.row.to)
    _check_assumed(scope, cells)
    _scatter(scope, cells)
    for one in scope.computed:
        cell, leaf = cells[one.leaf.slot], one.leaf
        values = values_of(one.sources, cells)
        if None not in values and (cell is None or leaf.key not in cell):
            try:
                cells[leaf.slot] = {**(cell or {}), leaf.key: one.function(*values)}
            except Defect:
                raise Unwritable(leaf.row.at) from None
    for wide in scope.spreads:
        found = {value for path in wide.paths for value in _found(cells[0], path)}
        if len(found) > 1:
            raise Unwritable(wide.row.at)
        if found:
            cells[0] = {**cells[0], wide.key: found.pop()}


def _check_assumed(scope: Scope, cells: Cells) -> None:
    """Hold the record against what a reader takes for granted, as the document has no field for it."""
    for fill in scope.fills:
        cell, key = cells[fill.leaf.slot], fill.leaf.key
        if (
            fill.leaf.row.absent
            and fill.default is not None
            and cell is not None
            and cell.get(key, fill.default) != fill.default
        ):
            raise Unwritable(fill.leaf.row.to)


def _scatter(scope: Scope, cells: list[Any]) -> None:
    """Give the entries of lists, and the arrays of their fields, the names under which their rows know them."""
    for gather in scope.gathers:
        entries = list(cells[gather.slot].get(gather.key, ())) if cells[gather.slot] is not None else []
        if gather.open and len(entries) >= len(gather.names):
            entries[len(gather.names) - 1 :] = [entries[len(gather.names) - 1 :]]
        if len(entries) > len(gather.names):
            raise Unwritable(gather.key)
        if entries:
            cells[gather.slot] = {**cells[gather.slot], **dict(zip(gather.names, entries, strict=False))}
    for joined in scope.joins:
        cell = cells[joined.slot]
        if cell is not None and joined.key in cell:
            cells[joined.slot] = {**cell, joined.name: joined.pieces.cut(cell[joined.key])}
    for zipped in scope.zips:
        entries = list(cells[zipped.slot].get(zipped.key, ())) if cells[zipped.slot] is not None else []
        if entries:
            arrays = {leaf.key: [entry.get(leaf.row.part, "") for entry in entries] for leaf in zipped.arrays}
            cells[zipped.slot] = {**cells[zipped.slot], **arrays}


def _found(part: Any, path: Sequence[str]) -> Iterator[Any]:
    """Go through the values at a path, through lists too."""
    if isinstance(part, list):
        for entry in part:
            yield from _found(entry, path)
    elif not path:
        yield part
    elif part is not None and path[0] in part:
        yield from _found(part[path[0]], path[1:])


def values_of(sources: Sequence[Leaf], cells: Cells) -> list[Any]:
    """Return the values of fields, None where the record has none."""
    return [None if cells[each.slot] is None else cells[each.slot].get(each.key) for each in sources]
