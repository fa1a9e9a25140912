"""Texts inside a decoded value, found by names."""

from collections.abc import Sequence
from typing import Any


def lookup(value: Any, path: Sequence[str]) -> str | None:
    """Return the text at a path, where there is one; a single entry may be left without its array."""
    for step in path:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        value = value.get(step) if isinstance(value, dict) else None
    if value is True or value is False:
        return "true" if value else "false"
    return value.strip() if isinstance(value, str) else None
