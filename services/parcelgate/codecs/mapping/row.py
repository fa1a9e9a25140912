"""The rows of mapping.toml: one foreign field tied to one field of the record.

Keys of a row:

    at        path in the foreign document, steps with "/"; "@name" is an attribute, "" the text of the element itself
    prefix    instead of at, with use: begins the names of all fields of the shape (Sender + Name)
    to        path in the record, or the name of a fact of the header
    as        converter (default text), for example code(flow)
    many      every occurrence is one entry of a list of plain values
    place     which entry of a list of plain values it is, from 1, where each has a name of its own (AddressLine1, AddressLine2); with many
              it is that entry and all that follow
    zip       instead of at: two or more parallel arrays; the first entries of all make one entry of a list, and so on
    fields    with zip: what of an entry each array has, for example ["name", "value"]; need = "required": none may be left out
    agree     function(paths): what it must be by other fields, within rounding; a finding where it is not, computed where it is absent
    sum       every occurrence is added to a mass; one is written
    each      every occurrence is one entry of a list; the shape says how it is read
    use       the rows of the shape stand here too
    need      "key": without it the item is rejected; "required": a finding
    default   value that stands for an absent field, in foreign words
    derive    function(path): computed from another field where absent; not written where it would be computed again
    inherit   fact of the header that stands for an absent field; not written where it would be inherited again
    const     must have this value
    count     of header and trailer: says how many items the document has
    ignore    reason why it is not read; encode is what is written where the foreign side insists on it
    value     instead of at: what the record has at to whatever the document says; when written, it must be so
    fact      names something other rows ask for, as in mass($unit); values gives its meanings, encode is what is written
    spread    paths in the record which all get the value of this one field; when written, they must agree
    from      function(paths): what is written where the record lacks the field, computed from others
    ordinal   EDIFACT: numbers the groups of its kind from 1; checked when read, counted again when written
    encode    beside to: what is written where the record lacks the field, but the part around it is there
    also      a further row of an element that has one: it is read too, and never written
    number    JSON: "number" or "text", where the field is written otherwise than the format says

A row without at, but with derive or default, fills in what the format itself has no field for; a default, when written, must be so. Two rows with one to are first and second
choice: both are read, the first is written; where it is exact, as in time(304, exact), the second is written for what it leaves unsaid.
join(3,35) reads up to three fields of 35 characters that stand one after the other as one text, and cuts it when it is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KEYS = frozenset(
    {"at", "prefix", "zip", "fields", "to", "as", "many", "place", "sum", "each", "use", "need", "default", "derive"}
    | {
        "inherit",
        "const",
        "count",
        "ordinal",
        "ignore",
        "encode",
        "value",
        "fact",
        "values",
        "spread",
        "from",
        "number",
    }
    | {"also", "agree"}
)
_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("many", "count", "ordinal", "sum", "also"), bool),
    "place": int,
    **dict.fromkeys(("spread", "zip", "fields"), list),
    "values": dict,
}
# What stands for a number in a written tree until the writer has counted.
ORDINAL = "\0ordinal"


class MappingError(ValueError):
    """A mapping that can't be used; the sentence names the format, the scope and the row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, checked for shape only."""

    number: int
    scope: str
    at: str
    to: str = ""
    converter: str = "text"
    many: bool = False
    place: int = 0
    sum: bool = False
    # Of a parallel array: the field of the entries that it has, with which to ends.
    part: str = ""
    each: str = ""
    need: str = ""
    default: str | None = None
    derive: str = ""
    agree: str = ""
    inherit: str = ""
    const: str | None = None
    count: bool = False
    ignore: str = ""
    encode: str = ""
    value: str | None = None
    fact: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    spread: tuple[str, ...] = ()
    source: str = ""
    number_as: str = ""
    ordinal: bool = False
    also: bool = False
    # It stands nowhere in the document.
    absent: bool = False
    # Made of a step that chooses by a value: typeCode of number[typeCode=SDT].
    implied: bool = False

    def error(self, sentence: str) -> MappingError:
        """Make the error that this row can't be used."""
        return MappingError(f"{self.scope}, row {self.at!r}: {sentence}")


def rows_of(name: str, data: Mapping[str, Any], shapes: Mapping[str, Any], count: "RowCount") -> list[Row]:
    """Read the rows of one scope, with the rows of used shapes in their places; raises MappingError."""
    found = list(_expanded(name, data, shapes, count, "", "", ()))
    seen: set[str] = set()
    for row in found:
        if row.absent:
            continue
        if row.also:
            continue
        if row.at in seen:
            raise row.error("two rows have this path")
        seen.add(row.at)
    return found


@dataclass(slots=True)
class RowCount:
    """Numbers the rows of one format."""

    paths: list[str]

    def next(self, path: str) -> int:
        """Give the next row its number."""
        self.paths.append(path)
        return len(self.paths) - 1


def _expanded(
    name: str,
    data: Mapping[str, Any],
    shapes: Mapping[str, Any],
    count: RowCount,
    before: str,
    to_before: str,
    open_shapes: tuple[str, ...],
) -> Iterator[Row]:
    for raw in data.get("rows", ()):
        _check_keys(name, raw)
        if "use" in raw:
            shape = raw["use"]
            if shape not in shapes:
                raise MappingError(f"{name}: there is no shape {shape!r}")
            if shape in open_shapes:
                raise MappingError(f"{name}: the shape {shape!r} uses itself")
            begin = before + (raw["prefix"] if "prefix" in raw else raw["at"] + "/")
            yield from _expanded(
                name, shapes[shape], shapes, count, begin, _dotted(to_before, raw.get("to", "")), (*open_shapes, shape)
            )
            continue
        if "zip" in raw:
            yield from _zipped(name, raw, count, before, to_before)
            continue
        absent = "at" not in raw
        if absent and not ("to" in raw and raw.keys() & {"value", "derive", "default"}):
            raise MappingError(f"{name}: a row without at: {raw}")
        at = before + raw.get("at", "")
        to = _dotted(to_before, raw["to"]) if "to" in raw else ""
        row = Row(
            number=count.next(f"{name}/{at}" if at else f"{name} {to}" if absent else name),
            scope=name,
            at=at,
            to=to,
            converter=raw.get("as", "text"),
            many=raw.get("many", False),
            place=raw.get("place", 0),
            sum=raw.get("sum", False),
            each=raw.get("each", ""),
            need=raw.get("need", ""),
            default=raw.get("default"),
            derive=_inside(to_before, raw.get("derive", "")),
            agree=_inside(to_before, raw.get("agree", "")),
            inherit=raw.get("inherit", ""),
            const=raw.get("const"),
            count=raw.get("count", False),
            ignore=raw.get("ignore", "numbers the groups of its kind" if raw.get("ordinal") else ""),
            encode=ORDINAL if raw.get("ordinal") else raw.get("encode", ""),
            ordinal=raw.get("ordinal", False),
            value=raw.get("value"),
            fact=raw.get("fact", ""),
            values=raw.get("values", {}),
            spread=tuple(_dotted(to_before, path) for path in raw.get("spread", ())),
            source=_inside(to_before, raw.get("from", "")),
            number_as=raw.get("number", ""),
            also=raw.get("also", False),
            absent=absent,
        )
        _check_row(row)
        yield row


def _zipped(name: str, raw: Mapping[str, Any], count: RowCount, before: str, to_before: str) -> Iterator[Row]:
    """Make one row of each array."""
    paths, fields = raw["zip"], raw.get("fields", ())
    if raw.keys() - {"zip", "fields", "to", "need"} or "to" not in raw or len(paths) < 2 or len(paths) != len(fields):
        raise MappingError(f"{name}: zip goes with to, as many fields as arrays, and need: {dict(raw)}")
    for path, part in zip(paths, fields, strict=True):
        at, to = before + path, _dotted(_dotted(to_before, raw["to"]), part)
        row = Row(count.next(f"{name}/{at}"), name, at, to, many=True, part=part, need=raw.get("need", ""))
        if row.need not in ("", "required"):
            raise row.error(f"need is 'required' for arrays, not {row.need!r}")
        yield row


def _check_keys(name: str, raw: Mapping[str, Any]) -> None:
    unknown = raw.keys() - KEYS
    if unknown:
        raise MappingError(f"{name}: a row has no key {min(unknown)!r}: {dict(raw)}")
    for key, value in raw.items():
        wanted = _KINDS.get(key, str)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not isinstance(value, wanted) or not all(isinstance(each, str) for each in inner):
            raise MappingError(f"{name}: the value of {key!r} has the wrong type: {dict(raw)}")


def _check_row(row: Row) -> None:
    kinds = [row.const is not None, bool(row.ignore), bool(row.to), bool(row.fact), bool(row.spread)]
    if sum(kinds) != 1:
        raise row.error("a row has exactly one of to, const and ignore (or fact, or spread)")
    if row.fact and not (row.values and row.encode in row.values):
        raise row.error("a fact needs values, and encode is one of them")
    if row.also and (not row.to or row.each or row.many):
        raise row.error("a further row of an element reads a plain value")
    if row.number_as not in ("", "number", "text"):
        raise row.error(f"number is 'number' or 'text', not {row.number_as!r}")
    if row.need not in ("", "key", "required"):
        raise row.error(f"need is 'key' or 'required', not {row.need!r}")
    listed = row.each or row.many or row.place or row.converter.startswith("join")
    if listed and (row.default is not None or row.derive or row.agree or row.inherit or row.need):
        raise row.error("a list has no default, derive, agree, inherit or need, nor has a text in pieces")
    if row.agree and (row.default is not None or row.derive or row.inherit or row.absent):
        raise row.error("what must agree with other fields stands in the document, and is computed from them only")


def _inside(before: str, words: str) -> str:
    """Let the fields that a function is asked about be those of the part that a shape is used for."""
    name, bracket, paths = words.removesuffix(")").partition("(")
    if not (before and bracket):
        return words
    return f"{name}({', '.join(_dotted(before, path.strip()) for path in paths.split(','))})"


def _dotted(before: str, to: str) -> str:
    return f"{before}.{to}" if before and to else before or to
