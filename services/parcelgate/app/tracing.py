"""parcelgate trace: find an item or interchange and show its timeline."""

import json
from typing import Any

from rich.console import Console
from rich.markup import escape

from parcelgate.app.client import Client
from parcelgate.core.clock import iso
from parcelgate.core.setting import Settings


def trace(settings: Settings, query: str, partner: str, *, as_json: bool) -> int:
    """Print what is known; returns 1 if nothing was found."""
    console = Console(highlight=False, soft_wrap=True)
    with Client(settings, partner) as client:
        answer = client.json("/api/find", q=query)
        found = answer["items"]
        timelines = [client.json(f"/api/items/{one['declaration_id']}/timeline") for one in found[:1]]
    if as_json:
        console.print_json(json.dumps({"found": found, "timelines": timelines}))
    elif not found:
        console.print(f"nothing is known of {escape(query)}")
    else:
        _show(console, found, timelines[0]["facts"])
    return 0 if found else 1


def _show(console: Console, found: list[dict[str, Any]], facts: list[dict[str, Any]]) -> None:
    for one in found:
        decisions = [f"{axis} {one[axis]}" for axis in ("security", "fiscal") if one.get(axis)]
        said = ", ".join([f"version {one['version']}", one["stage"], *decisions])
        console.print(f"{escape(one['item'] or 'without an identifier')} of {one['partner']}: {said}")
        console.print(f"    declaration {one['declaration_id']}, receipt {one['receipt']}")
    console.print(f"what happened to {escape(found[0]['item'])}:")
    for fact in facts:
        what = " ".join(str(fact[name]) for name in ("authority", "code") if fact.get(name))
        version = f"v{fact['version']} " if fact.get("version") else ""
        console.print(
            f"  {iso(int(fact['at_micros']))}  {version}{fact['kind']}  {escape(what)}  {escape(fact['sentence'])}"
        )
