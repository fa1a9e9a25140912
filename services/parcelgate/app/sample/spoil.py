"""Malformed documents: one good XML document made bad in one way, as senders and lines do it."""

import re
from collections.abc import Callable, Mapping
from random import Random

# One item of a CUSITM, start and end tag included; a prefix before the name is allowed.
_ITEM = re.compile(rb"<((?:\w+:)?)Item(?:\s[^>]*)?>.*?</\1Item>", re.DOTALL)
_ROOT = re.compile(rb"<((?:\w+:)?)([A-Za-z]\w*)(?=[\s>])")
_COUNT = re.compile(rb"(<(?:\w+:)?ItemsCount>)\s*(\d+)\s*(</)")
_IDENTIFIER = re.compile(rb"<((?:\w+:)?)Id>[^<]*</\1Id>")
_MASS = re.compile(rb"(<(?:\w+:)?GrossWeight>)[^<]*(</)")
_PROLOG = re.compile(rb"^\s*<\?xml[^>]*\?>\s*")


def _found(match: re.Match[bytes] | None, what: str) -> re.Match[bytes]:
    if match is None:
        raise ValueError(f"the document has no {what} to spoil")
    return match


def _an_item(document: bytes, rng: Random) -> re.Match[bytes]:
    items = list(_ITEM.finditer(document))
    if not items:
        raise ValueError("the document has no item to spoil")
    return items[int(rng.random() * len(items))]


def _body_start(document: bytes) -> int:
    match = _PROLOG.match(document)
    return match.end() if match else 0


def _truncated(document: bytes, rng: Random) -> bytes:
    return document[: 1 + int(rng.random() * (len(document.rstrip()) - 1))]


def _not_xml(document: bytes, rng: Random) -> bytes:
    del document
    return b"item;mass;value\n" + b"\n".join(
        b"%d;%d;%d" % (row, row * 7, row * 11) for row in range(2 + int(rng.random() * 9))
    )


def _empty(document: bytes, rng: Random) -> bytes:
    del document, rng
    return b""


def _doctype(document: bytes, rng: Random) -> bytes:
    del rng
    start = _body_start(document)
    return (
        document[:start]
        + b'<!DOCTYPE CUSITM [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n'
        + document[start:]
    )


def _wrong_encoding(document: bytes, rng: Random) -> bytes:
    """Declare UTF-8 and write a Latin-1 letter, which is no UTF-8, in an item or at the end of the header."""
    del rng
    start = _body_start(document)
    end = document.find(b"</", start)
    if end < 0:
        raise ValueError("the document has no element to spoil")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + document[start:end] + b"\xfc" + document[end:]


def _unknown_root(document: bytes, rng: Random) -> bytes:
    del rng
    start = _body_start(document)
    root = _found(_ROOT.search(document, start), "root")
    name = root[1] + root[2]
    spoiled = document[: root.start()] + b"<" + root[1] + b"PARCELS" + document[root.end() :]
    end = spoiled.rfind(b"</" + name)
    return spoiled if end < 0 else spoiled[:end] + b"</" + root[1] + b"PARCELS" + spoiled[end + 2 + len(name) :]


def _unknown_field(document: bytes, rng: Random) -> bytes:
    """Put a field that nobody knows before the end of one item: visible, not fatal."""
    item = _an_item(document, rng)
    end = item.end() - len(b"</" + item[1] + b"Item>")
    return document[:end] + b"<" + item[1] + b"Loyalty>gold</" + item[1] + b"Loyalty>" + document[end:]


def _wrong_count(document: bytes, rng: Random) -> bytes:
    count = _found(_COUNT.search(document), "count of items")
    other = int(count[2]) + 1 + int(rng.random() * 5)
    return document[: count.start()] + count[1] + str(other).encode() + count[3] + document[count.end() :]


def _item_without_id(document: bytes, rng: Random) -> bytes:
    item = _an_item(document, rng)
    spoiled = _IDENTIFIER.sub(b"", item[0], count=1)
    if spoiled == item[0]:
        raise ValueError("the item has no identifier to spoil")
    return document[: item.start()] + spoiled + document[item.end() :]


def _bad_value(document: bytes, rng: Random) -> bytes:
    """Write a mass that is no number into one item."""
    item = _an_item(document, rng)
    _found(_MASS.search(item[0]), "gross mass")
    return document[: item.start()] + _MASS.sub(rb"\g<1>about two\g<2>", item[0], count=1) + document[item.end() :]


def _crossed_tags(document: bytes, rng: Random) -> bytes:
    """Leave out the end tag of one item."""
    item = _an_item(document, rng)
    return document[: item.end() - len(b"</" + item[1] + b"Item>")] + document[item.end() :]


def _bytes_after_the_end(document: bytes, rng: Random) -> bytes:
    del rng
    return document.rstrip() + b"\nEND OF FILE\n"


WAYS: Mapping[str, Callable[[bytes, Random], bytes]] = {
    "truncated": _truncated,
    "not-xml": _not_xml,
    "empty": _empty,
    "doctype": _doctype,
    "wrong-encoding": _wrong_encoding,
    "unknown-root": _unknown_root,
    "unknown-field": _unknown_field,
    "wrong-count": _wrong_count,
    "item-without-id": _item_without_id,
    "bad-value": _bad_value,
    "crossed-tags": _crossed_tags,
    "bytes-after-the-end": _bytes_after_the_end,
}
# Those that leave a well-formed document, of which every good item can still be read.
MILD = frozenset({"unknown-field", "item-without-id", "bad-value"})


def spoil(document: bytes, how: str, rng: Random) -> bytes:
    """Return the document spoiled in one of WAYS.

    Raises KeyError for a way that is not known, ValueError if the document has nothing that could be spoiled that way.
    """
    return WAYS[how](document, rng)
