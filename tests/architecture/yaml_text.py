"""Plain data as YAML, as far as our own documents need it: mappings, lists, texts, numbers and truth values."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# What no reader of YAML could take for anything but a text.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9 _./()-]*(?<! )")
_NOT_TEXT = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_WIDTH = 110


def yaml_text(value: Any) -> str:
    """Return a document; the order of a mapping stays."""
    return "\n".join(_block(value, 0)) + "\n"


def _block(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _short(inner):
                yield f"{pad}{_scalar(key)}: {_flow(inner)}"
            else:
                yield f"{pad}{_scalar(key)}:"
                yield from _block(inner, depth + 1)
        return
    for inner in value:
        if _short(inner):
            yield f"{pad}- {_flow(inner)}"
        else:
            first, *rest = _block(inner, depth + 1)
            yield f"{pad}- {first.lstrip()}"
            yield from rest


def _short(value: Any) -> bool:
    if not isinstance(value, Mapping | list):
        return True
    flat = isinstance(value, list) and all(not isinstance(inner, Mapping | list) for inner in value)
    return not value or (flat and len(_flow(value)) <= _WIDTH)


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_scalar(inner, quoted=True) for inner in value)}]"
    return "{}" if isinstance(value, Mapping) else _scalar(value)


def _scalar(value: Any, *, quoted: bool = False) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    plain = not quoted and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
    return value if plain else json.dumps(value, ensure_ascii=False)
