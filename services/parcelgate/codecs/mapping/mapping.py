"""One mapping.toml, compiled and checked: code lists, header, item and trailer, and what the format cannot carry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

from parcelgate.codecs.mapping import target
from parcelgate.codecs.mapping.row import MappingError, RowCount
from parcelgate.codecs.mapping.scope import Compiler, Node, Scope

_TABLES = frozenset(("record", "code", "header", "item", "trailer", "shape", "loss"))


@dataclass(frozen=True, slots=True)
class FormatMapping:
    """A compiled mapping."""

    record: Descriptor
    header: Scope
    item: Scope
    trailer: Scope | None
    # Names of the elements (or groups) at which header, item and trailer stand.
    header_at: str
    item_at: str
    trailer_at: str
    paths: tuple[str, ...]
    ignored: Mapping[int, str]
    losses: Mapping[str, str]


def compile_mapping(data: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]] | None = None) -> FormatMapping:
    """Compile and check; raises MappingError with what is wrong and where.

    codes are a partner's own codes, by code list: {decision: {2: DECISION_CODE_RELEASED}}; each takes the place of the code that
    the format has for the same value. Lists that the format does not have are other formats' business.
    """
    _check_tables(data)
    try:
        record = target.message_of(data["record"])
    except KeyError:
        raise MappingError(f"the contract has no message {data.get('record')!r}") from None
    rows = RowCount([])
    compiler = Compiler(data.get("shape", {}), _codes(_overlaid(data.get("code", {}), codes or {})), rows)
    header = compiler.scope(data["header"]["at"], data["header"], None)
    item = compiler.scope(data["item"]["at"], data["item"], record)
    trailer = compiler.scope(data["trailer"]["at"], data["trailer"], None) if "trailer" in data else None
    ignored: dict[int, str] = {}
    for scope in (header, item, trailer):
        if scope is not None:
            ignored.update(_fixed(scope.root))
    mapping = FormatMapping(
        record,
        header,
        item,
        trailer,
        data["header"]["at"],
        data["item"]["at"],
        data["trailer"]["at"] if trailer is not None else "",
        tuple(rows.paths),
        ignored,
        data.get("loss", {}),
    )
    for fill in item.fills:
        if fill.inherit and fill.inherit not in header.leaves:
            raise fill.leaf.row.error(f"the header has no fact {fill.inherit!r}")
    for path in mapping.losses:
        try:
            target.target(record, path)
        except ValueError as error:
            raise MappingError(f"loss: {error}") from None
    return mapping


def _check_tables(data: Mapping[str, Any]) -> None:
    unknown = data.keys() - _TABLES
    if unknown:
        raise MappingError(f"a mapping has no table {min(unknown)!r}")
    for wanted in ("header", "item"):
        if "at" not in data.get(wanted, {}):
            raise MappingError(f"{wanted} has no at")


def uncovered(mapping: FormatMapping) -> list[str]:
    """List the fields of the record that no row of the format covers and no loss declares."""
    return sorted(
        path
        for path in _open_fields(mapping.record, mapping.item, 0, "")
        if not any(path == loss or path.startswith(loss + ".") for loss in mapping.losses)
    )


def _overlaid(tables: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]]) -> Mapping[str, Any]:
    overlaid = dict(tables)
    for name in tables.keys() & codes.keys():
        taken = set(codes[name].values())
        kept = {code: value for code, value in tables[name]["values"].items() if value not in taken}
        overlaid[name] = {**tables[name], "values": kept | dict(codes[name])}
    return overlaid


def _codes(tables: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, int]]]:
    codes: dict[str, tuple[str, Mapping[str, int]]] = {}
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
        codes[name] = (enum.full_name, numbers)
    return codes


def _fixed(node: Node) -> Iterator[tuple[int, str]]:
    if node.fixed is not None and node.fixed.ignore:
        yield node.fixed.number, node.fixed.ignore
    for child in node.children.values():
        yield from _fixed(child)
    if node.each is not None:
        yield from _fixed(node.each.scope.root)


def _open_fields(record: Descriptor, scope: Scope, slot: int, path: str) -> Iterator[str]:
    """Walk the contract beside the scope; a field is covered if a leaf, a list or slots inside it are."""
    covered: set[str] = set()
    lists: dict[str, Scope] = {}
    for node in _all_nodes(scope.root):
        for leaf in (node.leaf, *node.attributes.values()):
            if leaf is not None and leaf.slot == slot:
                covered.add(leaf.key)
            if leaf is not None and leaf.merge and scope.slots[leaf.slot].parent == slot:
                covered.add(scope.slots[leaf.slot].key)
        if node.each is not None and node.each.slot == slot:
            lists[node.each.key] = node.each.scope
    inner_slots = {
        each.key: number
        for number, each in enumerate(scope.slots)
        if number and each.parent == slot and not each.select
    }
    for field in record.fields:
        name = f"{path}.{field.name}" if path else field.name
        inner = field.message_type
        if inner is not None and field.name in lists:
            yield from _open_fields(inner, lists[field.name], 0, name)
        elif inner is not None and field.name not in covered and field.name in inner_slots:
            yield from _open_fields(inner, scope, inner_slots[field.name], name)
        elif field.name not in covered:
            yield name


def _all_nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children.values():
        yield from _all_nodes(child)
