"""Rows that only together make a field: names that count, parallel arrays, pieces of a text."""

from dataclasses import replace

from parcelgate.codecs.mapping import piece, target
from parcelgate.codecs.mapping.row import Row
from parcelgate.codecs.mapping.scope import Gather, Joined, Leaf, Scope, Zip


def gathered(scope: Scope, row: Row, leaf: Leaf) -> Leaf:
    """Compile a row of a list whose entries have names that count."""
    gather = next((each for each in scope.gathers if (each.slot, each.key) == (leaf.slot, leaf.key)), None)
    if gather is None:
        gather = Gather(leaf.slot, leaf.key)
        scope.gathers.append(gather)
    if row.place != len(gather.names) + 1 or gather.open:
        raise row.error("the places of a list count from 1, in the order of the rows, and only the last is open")
    gather.names.append(f"{leaf.key} {row.place}")
    gather.open = row.many
    return replace(leaf, key=gather.names[-1])


def joined(scope: Scope, aim: target.Target, leaf: Leaf) -> Leaf:
    """Compile a row of a text that stands in several elements of one name."""
    row = leaf.row
    name, _, words = row.converter.removesuffix(")").partition("(")
    if name != "join" or aim.kind != "string" or row.also or "@" in row.at:
        raise row.error("only texts are in pieces, and they are elements")
    try:
        pieces = piece.pieces_of(words)
    except ValueError as error:
        raise row.error(f"{row.converter}: {error}") from None
    scope.joins.append(Joined(leaf.slot, leaf.key, f"{leaf.key} pieces", pieces))
    return replace(leaf, row=replace(row, many=True), key=f"{leaf.key} pieces")


def array(scope: Scope, aim: target.Target, leaf: Leaf) -> Leaf:
    """Compile a row of one of several parallel arrays."""
    row = leaf.row
    inner = aim.message.fields_by_name.get(row.part) if aim.message is not None else None
    if inner is None or target.aim_of(inner).kind != "string" or inner.is_repeated:
        raise row.error(f"the entries of {leaf.key} have no text {row.part!r}")
    zipped = next((each for each in scope.zips if (each.slot, each.key) == (leaf.slot, leaf.key)), None)
    if zipped is None:
        zipped = Zip(row, leaf.slot, leaf.key)
        scope.zips.append(zipped)
    array = replace(leaf, key=f"{leaf.key} {row.part}")
    zipped.arrays.append(array)
    return array
