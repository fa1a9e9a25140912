"""Reads canonical JSON (the JSON mapping of protobuf) strictly and exactly, with all faults, each at its JSON Pointer.

Unlike a parser of the protobuf library it does not stop at the first fault, and an unknown member is only a warning.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.carrier.finding import Findings, masked
from parcelgate.core.fault import fault
from parcelgate.core.port import RejectError

M = TypeVar("M", bound=Message)
_MARK = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"-?\d{1,20}(\.0+)?")
_LONGEST_NUMBER = 40
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Document(Generic[M]):
    """A document as read: faults outside of any line, and by index the faults of each line."""

    message: M
    faults: list[Fault]
    line_faults: Mapping[int, list[Fault]]
    pointer: Callable[[str], str]


class _Object(dict[str, Any]):
    """An object, with the names that stood in it more than once."""

    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _NoNumber:
    """NaN or Infinity, which JSON does not have."""

    word: str


def read_document(raw: bytes, kind: type[M], lines: str) -> Document[M]:
    """Read a document as a message of a kind; lines names the repeated field whose entries stand for themselves.

    Raises RejectError if it is not one JSON object at all, or if a field outside of the lines cannot be read.
    """
    tree = _parse(raw.removeprefix(_MARK))
    reader = _Reader(lines)
    if raw.startswith(_MARK):
        reader.whole.take(fault("BODY_MARK", line=1))
    values = reader.message(tree, kind.DESCRIPTOR, "")
    if reader.whole.rejects:
        raise RejectError(*reader.whole.faults)
    by_line = {index: found.faults for index, found in reader.by_line.items()}
    return Document(kind(**values), reader.whole.faults, by_line, lambda path: pointer_in(tree, path))


def pointer_in(tree: object, path: str) -> str:
    """Turn a field path into the JSON Pointer of a document, with the names as the document spells them."""
    pointer = []
    for step in re.findall(r"[^.\[\]]+", path):
        name = step
        if isinstance(tree, dict):
            name = step if step in tree else camel(step)
            tree = tree.get(name)
        elif isinstance(tree, list):
            tree = tree[int(step)] if step.isdigit() and int(step) < len(tree) else None
        else:
            name = camel(step)
        pointer.append("/" + name)
    return "".join(pointer)


def camel(name: str) -> str:
    """Spell a field name as the JSON mapping of protobuf does."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _parse(raw: bytes) -> _Object:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RejectError(fault("BODY_NOT_UTF8", position=error.start)) from None
    try:
        tree = json.loads(
            text, object_pairs_hook=_pairs, parse_int=_whole, parse_float=_exact, parse_constant=_NoNumber
        )
    except json.JSONDecodeError as error:
        wrong = fault("BODY_NOT_JSON", line=error.lineno, detail=error.msg, column=error.colno)
        raise RejectError(wrong) from None
    except RecursionError:
        raise RejectError(fault("BODY_TOO_DEEP")) from None
    if not isinstance(tree, _Object):
        raise RejectError(fault("BODY_NOT_OBJECT"))
    return tree


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    tree = _Object(pairs)
    if len(tree) != len(pairs):
        seen: set[str] = set()
        tree.repeated = tuple({name: None for name, _ in pairs if name in seen or seen.add(name)})  # type: ignore[func-returns-value]  # add returns None on purpose
    return tree


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_NUMBER else Decimal("1E+40")


def _exact(text: str) -> Decimal:
    return Decimal(text) if len(text) <= _LONGEST_NUMBER else Decimal("1E+40")


class _Reader:
    """Turns a tree into the arguments of a message's constructor; what can't be read is left out and noted."""

    def __init__(self, lines: str) -> None:
        self.whole = Findings(str)
        self.by_line: dict[int, Findings] = {}
        self._lines = re.compile(f"/{lines}/(\\d+)(?:/|$)")

    def message(self, tree: _Object, descriptor: Any, pointer: str) -> dict[str, Any]:
        """Return the readable fields of an object by the names of the contract."""
        values: dict[str, Any] = {}
        for name in tree.repeated:
            self._note("BODY_MEMBER_TWICE", _join(pointer, name))
        for name, value in tree.items():
            place = _join(pointer, name)
            known = _fields(descriptor).get(name)
            if known is None:
                self._note("BODY_MEMBER_UNKNOWN", place)
            elif known.name in values:
                # The two spellings of one name, side by side.
                self._note("BODY_MEMBER_TWICE", place)
            elif value is not None:
                read = self._field(known, value, place)
                if read is not _ABSENT:
                    values[known.name] = read
        return values

    def _field(self, known: FieldDescriptor, value: Any, pointer: str) -> Any:
        if not known.is_repeated:
            return self._single(known, value, pointer)
        if not isinstance(value, list):
            return self._wrong(value, pointer, "an array")
        read = [self._single(known, one, f"{pointer}/{index}") for index, one in enumerate(value)]
        if known.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            # An unreadable entry keeps its place, so that the addresses of its neighbours stay right.
            return [{} if one is _ABSENT else one for one in read]
        return [one for one in read if one is not _ABSENT]

    def _single(self, known: FieldDescriptor, value: Any, pointer: str) -> Any:
        if known.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            if isinstance(value, _Object):
                return self.message(value, known.message_type, pointer)
            return self._wrong(value, pointer, "an object")
        if known.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return self._text(value, pointer)
        if known.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return value if isinstance(value, bool) else self._wrong(value, pointer, "true or false")
        if known.cpp_type == FieldDescriptor.CPPTYPE_ENUM and isinstance(value, str):
            return self._code(known, value, pointer)
        return self._number(known, value, pointer)

    def _text(self, value: Any, pointer: str) -> Any:
        if not isinstance(value, str):
            return self._wrong(value, pointer, "a string")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            return self._note("BODY_TEXT_BROKEN", pointer)
        return value

    def _code(self, known: FieldDescriptor, value: str, pointer: str) -> Any:
        assert known.enum_type is not None
        values = known.enum_type.values_by_name
        if value in values:
            return values[value].number
        names = ", ".join(name for name in values if values[name].number)
        return self._note("BODY_CODE_UNKNOWN", pointer, value, known=names)

    def _number(self, known: FieldDescriptor, value: Any, pointer: str) -> Any:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = Decimal(value)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return self._wrong(value, pointer, "a whole number")
        least, most = _RANGES.get(known.cpp_type, _RANGES[FieldDescriptor.CPPTYPE_INT32])
        if not least <= value <= most:
            return self._note("BODY_NUMBER_RANGE", pointer, least=least, most=most)
        if value != int(value):
            return self._wrong(value, pointer, "a whole number")
        return int(value)

    def _wrong(self, value: Any, pointer: str, wanted: str) -> Any:
        return self._note("BODY_VALUE_TYPE", pointer, found=_kind(value), wanted=wanted)

    def _note(self, code: str, pointer: str, value: str = "", **words: Any) -> Any:
        match = self._lines.match(pointer)
        found = self.by_line.setdefault(int(match[1]), Findings(str)) if match else self.whole
        found.add(code, pointer, value, **words)
        return _ABSENT


def _fields(descriptor: Any) -> Mapping[str, FieldDescriptor]:
    if descriptor.full_name not in _NAMES:
        names = {known.json_name: known for known in descriptor.fields}
        _NAMES[descriptor.full_name] = names | {known.name: known for known in descriptor.fields}
    return _NAMES[descriptor.full_name]


_NAMES: dict[str, Mapping[str, FieldDescriptor]] = {}


def _join(pointer: str, name: str) -> str:
    # RFC 6901; a name of the sender's own may be anything, and is shown like a value.
    return f"{pointer}/{masked_name(name)}"


def masked_name(name: str) -> str:
    """Show the name of a member in a pointer: escaped, and cut if it is no name."""
    escaped = name.replace("~", "~0").replace("/", "~1")
    return escaped if len(escaped) <= _LONGEST_NUMBER else masked(name)


def _kind(value: Any) -> str:
    if isinstance(value, _NoNumber):
        return f"{value.word}, which JSON does not have"
    kinds = ((bool, "true or false"), (str, "a string"), (dict, "an object"), (list, "an array"), (int, "a number"))
    found = next((word for kind, word in kinds if isinstance(value, kind)), "null" if value is None else "a number")
    return "a number with decimals" if isinstance(value, Decimal) else found
