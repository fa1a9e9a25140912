"""One mapping.toml, compiled and checked: code lists, header, item and trailer, and what the format cannot carry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

from parcelgate.codecs.mapping import target
from parcelgate.codecs.mapping.compiler import Compiler
from parcelgate.codecs.mapping.row import MappingError, RowCount
from parcelgate.codecs.mapping.scope import Node, Scope, Slot

_NO_HEADER = Scope("header", None, Node(""), [Slot(0, "", None)], [], {})
_TABLES = frozenset(("record", "code", "label", "header", "scope", "item", "trailer", "shape", "loss"))


@dataclass(frozen=True, slots=True)
class FormatMapping:
    """A compiled mapping."""

    record: Descriptor
    header: Scope
    item: Scope
    trailer: Scope | None
    # Names of the elements (or groups) at which header, item and trailer stand; None for what there is not.
    header_at: str | None
    item_at: str
    trailer_at: str | None
    paths: tuple[str, ...]
    ignored: Mapping[int, str]
    losses: Mapping[str, str]
    # Names of groups around the items, with the rows whose values go into every item inside (EDIFACT).
    around: tuple[tuple[str, Scope], ...] = ()

    @property
    def scopes(self) -> dict[str, Scope]:
        """Header, item and trailer, as far as there are any, by the names at which they stand."""
        scopes = {} if self.header_at is None else {self.header_at: self.header}
        scopes[self.item_at] = self.item
        if self.trailer is not None and self.trailer_at is not None:
            scopes[self.trailer_at] = self.trailer
        return scopes


def compile_mapping(data: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]] | None = None) -> FormatMapping:
    """Compile and check; raises MappingError with what is wrong and where.

    codes are a partner's own codes, by code list: {decision: {2: DECISION_CODE_RELEASED}}; each takes the place of the code that
    the format has for the same value. So it is with labels, whose values are words of the format: {arrival: {21: RECEIVED}}.
    Lists that the format does not have are other formats' business.
    """
    _check_tables(data)
    try:
        record = target.message_of(data["record"])
    except KeyError:
        raise MappingError(f"the contract has no message {data.get('record')!r}") from None
    rows = RowCount([])
    codes_of_all = _codes(_overlaid(data.get("code", {}), codes or {}))
    labels = _labels(data.get("label", {}), codes or {})
    compiler = Compiler(data.get("shape", {}), codes_of_all, rows, labels)
    header = compiler.scope(data["header"]["at"], data["header"], None) if "header" in data else _NO_HEADER
    item = compiler.scope(data["item"]["at"], data["item"], record)
    trailer = compiler.scope(data["trailer"]["at"], data["trailer"], None) if "trailer" in data else None
    around = tuple(
        (each.get("at", ""), compiler.scope(each.get("at", ""), each, record)) for each in data.get("scope", ())
    )
    ignored: dict[int, str] = {}
    for scope in (header, item, trailer, *(scope for _, scope in around)):
        if scope is not None:
            ignored.update(_fixed(scope.root))
    mapping = FormatMapping(
        record,
        header,
        item,
        trailer,
        data["header"]["at"] if "header" in data else None,
        data["item"]["at"],
        data["trailer"]["at"] if trailer is not None else None,
        tuple(rows.paths),
        ignored,
        data.get("loss", {}),
        around,
    )
    for fill in item.fills:
        if fill.inherit and fill.inherit not in header.leaves:
            raise fill.leaf.row.error(f"the header has no fact {fill.inherit!r}")
    for path in mapping.losses:
        try:
            target.check_loss(record, path)
        except ValueError as error:
            raise MappingError(f"loss: {error}") from None
    return mapping


def _check_tables(data: Mapping[str, Any]) -> None:
    unknown = data.keys() - _TABLES
    if unknown:
        raise MappingError(f"a mapping has no table {min(unknown)!r}")
    for wanted in ("header", "item"):
        if "at" not in data.get(wanted, {} if wanted == "item" else {"at": ""}):
            raise MappingError(f"{wanted} has no at")


def uncovered(mapping: FormatMapping) -> list[str]:
    """List the fields of the record that no row of the format covers and no loss declares."""
    open_ = set(_open_fields(mapping.record, mapping.item, 0, ""))
    for _, scope in mapping.around:
        more = set(_open_fields(mapping.record, scope, 0, ""))
        open_ = {path for path in open_ if _within(path, more)} | {path for path in more if _within(path, open_)}
    return sorted(
        path for path in open_ if not any(path == loss or path.startswith(loss + ".") for loss in mapping.losses)
    )


def _within(path: str, paths: set[str]) -> bool:
    return any(path == each or path.startswith(each + ".") for each in paths)


def _overlaid(tables: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]]) -> Mapping[str, Any]:
    overlaid = dict(tables)
    for name in tables.keys() & codes.keys():
        taken = set(codes[name].values())
        kept = {code: value for code, value in tables[name]["values"].items() if value not in taken}
        overlaid[name] = {**tables[name], "values": kept | dict(codes[name])}
    return overlaid


def _labels(tables: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    for name in tables.keys() & codes.keys():
        unknown = set(codes[name].values()) - set(tables[name]["values"].values())
        if unknown:
            raise MappingError(f"label.{name}: {min(unknown)!r} is none of its words")
    return {name: table["values"] for name, table in _overlaid(tables, codes).items()}


def _codes(tables: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, int], str | None]]:
    codes: dict[str, tuple[str, Mapping[str, int], str | None]] = {}
    for name, table in tables.items():
        try:
            enum = target.enum_of(table["enum"])
        except KeyError:
            raise MappingError(f"code.{name}: the contract has no enum {table.get('enum')!r}") from None
        numbers = {}
        for code, value in table["values"].items():
            if value not in enum.values_by_name:
                raise MappingError(f"code.{name}: {value!r} is no value of {enum.full_name}")
            numbers[code] = enum.values_by_name[value].number
        codes[name] = (enum.full_name, numbers, table.get("other"))
    return codes


def _fixed(root: Node) -> Iterator[tuple[int, str]]:
    for node in root.inner():
        for row in (node.fixed, *node.fixed_attributes.values()):
            if row is not None and row.ignore:
                yield row.number, row.ignore
        if node.each is not None:
            yield from _fixed(node.each.scope.root)


def _open_fields(record: Descriptor, scope: Scope, slot: int, path: str) -> Iterator[str]:
    """Walk the contract beside the scope; a field is covered if a leaf, a list or slots inside it are."""
    covered = _covered(scope, slot)
    # Where the parts of a field are read: entries of lists, and what is chosen of them or lies inside it.
    ways: dict[str, list[tuple[Scope, int]]] = {}
    for node in scope.root.inner():
        if node.each is not None and node.each.slot == slot:
            ways.setdefault(node.each.key, []).append((node.each.scope, 0))
    for number, each in enumerate(scope.slots):
        if number and each.parent == slot:
            ways.setdefault(each.key, []).append((scope, number))
    for field in record.fields:
        name = f"{path}.{field.name}" if path else field.name
        if field.name in covered:
            continue
        zipped = next((each for each in scope.zips if (each.slot, each.key) == (slot, field.name)), None)
        if zipped is not None and field.message_type is not None:
            parts = {leaf.row.part for leaf in zipped.arrays}
            yield from (f"{name}.{inner.name}" for inner in field.message_type.fields if inner.name not in parts)
        elif field.message_type is None or field.name not in ways:
            yield name
        else:
            # Of a list whose entries have several homes, what one of them has can be carried.
            homes = [set(_open_fields(field.message_type, *way, name)) for way in ways[field.name]]
            yield from sorted(set.intersection(*homes))


def _covered(scope: Scope, slot: int) -> set[str]:
    covered = {each.key for each in scope.sets if each.slot == slot}
    covered |= {each.key for each in scope.gathers if each.slot == slot}
    covered |= {each.key for each in scope.joins if each.slot == slot}
    # What a reader computes, and what an entry of a list was chosen by.
    covered |= {leaf.key for leaf in scope.leaves.values() if leaf.row.absent and leaf.slot == slot}
    select = scope.slots[slot].select
    if select is not None:
        covered.add(select[0])
    for node in scope.root.inner():
        for leaf in (node.leaf, *node.also, *node.attributes.values()):
            if leaf is not None and leaf.slot == slot:
                covered.add(leaf.key)
            if leaf is not None and leaf.merge and scope.slots[leaf.slot].parent == slot:
                covered.add(scope.slots[leaf.slot].key)
    return covered
