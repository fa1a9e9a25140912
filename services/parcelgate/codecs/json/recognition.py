"""Telling the format of a JSON document by the names that stand in its first item."""

from collections.abc import Iterable, Mapping
from typing import Any

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.codecs.json.element import Stop
from parcelgate.codecs.json.engine import paths_of
from parcelgate.codecs.json.pointer import shown
from parcelgate.codecs.json.reader import Reading
from parcelgate.core.fault import fault

_SHOWN = 5


def recognise(first: bytes, formats: Iterable[tuple[str, Mapping[str, Any]]]) -> str | Fault:
    """Tell the format whose names all stand in the first item; of several, the one with most names.

    formats are ids with their settings. The item need not be whole: of one that is larger than the bytes, those names count that have come.
    """
    best, most = "", 0
    known = []
    reason: Fault | None = None
    names: list[str] = []
    for name, settings in formats:
        keys: list[str] = settings["keys"]
        known.append(f"an object with {', '.join(keys)} ({name})")
        item, stopped = _first(first, paths_of(settings))
        reason = reason or stopped
        if item is None:
            fits = stopped is not None and stopped.code == "JSON_TRUNCATED" and _all_in(first, keys)
        else:
            names = names or list(item)
            fits = all(_has(item, key.split("/")) for key in keys)
        if fits and len(keys) > most:
            best, most = name, len(keys)
    if best:
        return best
    if reason is not None and not names:
        return reason
    found = ", ".join(shown(name) for name in names[:_SHOWN]) or "nothing"
    return fault("FORMAT_UNKNOWN", line=1, found=f"an object with {found}", known=", ".join(known) or "none")


def _first(first: bytes, paths: tuple[tuple[str, ...], ...]) -> tuple[dict[str, Any] | None, Fault | None]:
    try:
        for found in Reading([first], paths).found():
            if isinstance(found.value, dict) and not found.beside:
                return found.value, None
    except Stop as stop:
        return None, stop.fault
    return None, None


def _has(item: Any, path: list[str]) -> bool:
    for step in path:
        if not isinstance(item, dict) or step not in item:
            return False
        item = item[step]
    return True


def _all_in(first: bytes, keys: list[str]) -> bool:
    return all(f'"{step}"'.encode() in first for key in keys for step in key.split("/"))
