"""A partner's variant of a format: its mapping.toml holds only what differs, and is laid over that of the format it extends.

The key of a row is its scope and its path (at; prefix of a row with use; to of a row without a place). A row whose key the
format has replaces single keys of that row; any other row is added. Beside the keys of rows (row.py) an overlay knows

    now       the path that the row has in the variant, instead of at
    after     of a row that is added: the path of the row behind which it stands; at the end of its scope if not given
    drop      true: the variant has no such row

Codes of an overlay are added to those of the list, or take the place of the same code; for a value that has several codes, that of
the overlay is written. Losses, labels and shapes are added or replaced by name.
"""

from collections.abc import Mapping
from typing import Any

from parcelgate.codecs.mapping.row import MappingError

_OWN = frozenset(("now", "after", "drop"))
_SCOPES = ("header", "item", "trailer")
# What a row is; where one of these changes, nothing else of the row stays.
_KINDS = frozenset(("ignore", "const"))


def merged(format_: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Lay an overlay over the mapping of a format; raises MappingError."""
    if overlay.get("record", format_["record"]) != format_["record"]:
        raise MappingError("a variant carries the same record as the format that it extends")
    result = {**format_, **{name: overlay[name] for name in overlay if name not in format_}}
    for name in _SCOPES:
        if name in overlay and name in format_:
            result[name] = _scope(name, format_[name], overlay[name])
    if "shape" in overlay:
        shapes = format_.get("shape", {})
        result["shape"] = {
            **shapes,
            **{
                name: _scope(f"shape.{name}", shapes[name], data) if name in shapes else data
                for name, data in overlay["shape"].items()
            },
        }
    for table in ("code", "label"):
        if table in overlay:
            lists = format_.get(table, {})
            result[table] = {
                **lists,
                **{name: _list(lists.get(name, {}), data) for name, data in overlay[table].items()},
            }
    if "loss" in overlay:
        result["loss"] = {**format_.get("loss", {}), **overlay["loss"]}
    return result


def _list(known: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    values = data.get("values", {})
    rest = {code: value for code, value in known.get("values", {}).items() if code not in values}
    return {**known, **data, "values": {**values, **rest}}


def _scope(name: str, known: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    rows = list(known.get("rows", ()))
    _keyed(name, rows)
    changes = _keyed(name, data.get("rows", ()))
    for key, change in changes.items():
        place = next((place for place, row in enumerate(rows) if _key(name, row) == key), None)
        own = {word: change[word] for word in _OWN & change.keys()}
        rest = {word: value for word, value in change.items() if word not in _OWN}
        if place is None:
            if "now" in own or "drop" in own:
                raise MappingError(f"{name}, row {key!r}: the format that is extended has no such row")
            rows.insert(_place(name, rows, own.get("after"), key), rest)
        elif "after" in own:
            raise MappingError(f"{name}, row {key!r}: a row that the format has stays where it is; it has no after")
        elif own.get("drop"):
            del rows[place]
        else:
            rows[place] = _changed(rows[place], rest, own.get("now"))
    _keyed(name, rows)
    return {**known, **data, "rows": rows}


def _changed(row: Mapping[str, Any], change: Mapping[str, Any], now: str | None) -> dict[str, Any]:
    way = "prefix" if "prefix" in row else "at"
    kind, known = _KINDS & change.keys(), _KINDS & row.keys()
    another = kind > known or ("to" in change and known)
    result = {**({word: row[word] for word in (way,) if word in row} if another else row), **change}
    if now is not None:
        result[way] = now
    return result


def _place(name: str, rows: list[Any], after: str | None, key: str) -> int:
    if after is None:
        return len(rows)
    for place, row in enumerate(rows, 1):
        if _key(name, row) == after:
            return place
    raise MappingError(f"{name}, row {key!r}: there is no row {after!r} that it could stand behind")


def _keyed(name: str, rows: Any) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        key = _key(name, row)
        if key in found:
            raise MappingError(f"{name}, row {key!r}: two rows have this key")
        found[key] = row
    return found


def _key(name: str, row: Any) -> str:
    for word in ("at", "prefix", "to"):
        value = row.get(word) if isinstance(row, Mapping) else None
        if isinstance(value, str):
            return value
    raise MappingError(f"{name}: a row without at: {row}")
