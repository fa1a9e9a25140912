"""parcelgate formats and formats check: which formats there are, and whether a folder of a format is fit for use."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from parcelgate.codecs.check import Report, check, folders_below
from parcelgate.codecs.folder import found
from parcelgate.codecs.registry import Format, shipped
from parcelgate.core import resource
from parcelgate.core.setting import Settings


def show(settings: Settings, *, as_json: bool) -> int:
    """List the known formats, and what of the operator's own folder is not used; returns 1 if there is such a thing."""
    registry = shipped(settings.format_root)
    refused = {str(folder): reason for folder, reason in registry.refused.items()}
    if as_json:
        sys.stdout.write(json.dumps([_about(one) for one in registry], indent=2) + "\n")
    else:
        table = Table(box=None, pad_edge=False)
        # An id is there to be copied, however narrow the window.
        table.add_column("format", no_wrap=True)
        table.add_column("what it is")
        for one in registry:
            table.add_row(
                one.id, f"{one.title} ({one.status})" + (f", a variant of {one.extends}" if one.extends else "")
            )
        Console(highlight=False).print(table)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for folder, reason in refused.items():
        errors.print(escape(f"not used: {folder}: {reason}"))
    return int(bool(refused))


def check_folders(settings: Settings, folders: Sequence[Path], *, as_json: bool) -> int:
    """Check the formats in folders, or all known ones; returns 1 if anything is found."""
    if folders:
        places = [place for folder in folders for place in folders_below(folder)]
    else:
        places = [*folders_below(resource.schemas()), *found(settings.format_root)]
    reports = list(check(shipped(settings.format_root), places))
    if as_json:
        sys.stdout.write(json.dumps([_report(one) for one in reports], indent=2, ensure_ascii=False) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=True)
        for one in reports:
            console.print(escape(_sentence(one)))
            for finding in one.findings:
                console.print(escape(f"    {finding.check}, {finding.where}: {finding.sentence}"))
    return int(any(one.findings for one in reports))


def _about(one: Format) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "title": one.title,
        "version": one.id.rpartition("/")[2],
        "direction": one.direction,
        "syntax": one.syntax,
        "status": one.status,
        "extends": one.extends or None,
        "provenance": " ".join(one.provenance.split()),
    }


def _report(one: Report) -> dict[str, Any]:
    return {
        "format": one.format.id if one.format is not None else None,
        "extends": (one.format.extends or None) if one.format is not None else None,
        "folder": str(one.folder),
        "well": not one.findings,
        "findings": [finding._asdict() for finding in one.findings],
    }


def _sentence(one: Report) -> str:
    name = one.format.id if one.format is not None else str(one.folder)
    if one.format is not None and one.format.extends:
        name += f" (extends {one.format.extends})"
    count = len(one.findings)
    return f"{name}: " + ("well" if not count else "1 finding" if count == 1 else f"{count} findings")
