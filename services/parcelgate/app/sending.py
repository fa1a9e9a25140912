"""parcelgate send: hand interchanges in, and show what became of them."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from parcelgate.app.client import Client
from parcelgate.core.setting import Settings

_SHOWN_FAULTS = 20


def progress(console: Console) -> Progress:
    """Make a progress bar for long work; shows nothing where nobody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def send(settings: Settings, files: list[Path], partner: str, wait: float | None, *, as_json: bool) -> int:
    """Hand files in; with wait, until decided or so many seconds. Returns 1 if anything has faults, else 0."""
    console, outcomes = Console(highlight=False), []
    with Client(settings, partner) as client, progress(Console(stderr=True)) as bar:
        task = bar.add_task("sending", total=len(files))
        receipts = []
        for file in files:
            receipts.append((file, client.hand_in(file)))
            bar.advance(task)
        task = bar.add_task("waiting for decisions", total=len(files), visible=wait is not None)
        for file, answer in receipts:
            outcome = answer if wait is None else client.wait(answer["receipt"], wait)
            outcomes.append({"file": str(file), **outcome})
            bar.advance(task)
    if as_json:
        console.print_json(json.dumps(outcomes if len(outcomes) > 1 else outcomes[0]))
    else:
        for outcome in outcomes:
            _show(console, outcome)
    return int(
        any(outcome.get("state") == "REJECTED" or outcome.get("counts", {}).get("rejected") for outcome in outcomes)
    )


def _show(console: Console, outcome: dict[str, Any]) -> None:
    console.print(f"{escape(outcome['file'])}: receipt {outcome['receipt']}, {outcome.get('state', 'RECEIVED')}")
    faults = [*outcome.get("faults", []), *(fault for item in outcome.get("items", []) for fault in item["faults"])]
    if outcome.get("items"):
        table = Table("item", "version", "outcome", "decisions")
        for item in outcome["items"][:50]:
            decisions = ", ".join(f"{one['authority']}: {one['code']}" for one in item.get("decisions", ()))
            table.add_row(escape(item["identifier"]), str(item.get("version") or ""), item["status"], decisions)
        console.print(table)
        if (more := len(outcome["items"]) - 50) > 0:
            console.print(f"... and {more} more items (--json shows all)")
    for fault in faults[:_SHOWN_FAULTS]:
        where = escape(" ".join(str(fault[key]) for key in ("item", "address") if key in fault))
        console.print(
            f"  {fault['severity']} {fault['code']} {where}: {escape(fault['sentence'])} {escape(fault['hint'])}"
        )
    if len(faults) > _SHOWN_FAULTS:
        console.print(f"  ... and {len(faults) - _SHOWN_FAULTS} more faults (--json shows all)")
