"""make bench: measure the budgets, print a table and write build/bench.json. Everything is compared within one run."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from row import Row

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run the benchmarks asked for, all if none is; returns 0, for a missed budget is a figure and no fault."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--only",
        action="append",
        default=[],
        help="xml, json, edifact, risk, clearance, router, pipeline, latency, large, find, cluster, cluster-large, cluster-find, growth",
    )
    asked.add_argument("--large-megabytes", type=float, default=30)
    asked.add_argument("--find-items", type=int, default=1_000_000)
    asked.add_argument("--growth-items", type=int, default=100_000)
    given = asked.parse_args()
    console = Console(stderr=True)
    found: list[Row] = []
    for name, bench in _benches(given).items():
        if not given.only or name in given.only:
            began = time.monotonic()
            found += bench()
            console.print(f"{name}: {time.monotonic() - began:.0f} s", style="dim")
    place = ROOT / "build" / "bench.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    _show(found)
    return 0


def _benches(given: argparse.Namespace) -> dict[str, Callable[[], list[Row]]]:
    """Return what there is to measure, by name; the risk bench borrows its item from the unit tests."""
    sys.path.append(str(ROOT / "tests"))
    import bench_clearance
    import bench_cluster
    import bench_cluster_weight
    import bench_edifact
    import bench_find
    import bench_json
    import bench_large
    import bench_latency
    import bench_pipeline
    import bench_risk
    import bench_router
    import bench_xml

    return {
        "xml": bench_xml.translation,
        "edifact": bench_edifact.rows,
        "json": bench_json.rows,
        "risk": bench_risk.rows,
        "clearance": bench_clearance.run,
        "router": bench_router.rows,
        "pipeline": bench_pipeline.rows,
        "latency": bench_latency.rows,
        "large": lambda: bench_large.rows(given.large_megabytes),
        "find": lambda: bench_find.rows(given.find_items),
        "cluster": bench_cluster.rows,
        "growth": lambda: bench_cluster.growth(given.growth_items),
        "cluster-large": lambda: bench_cluster_weight.large(given.large_megabytes),
        "cluster-find": lambda: bench_cluster_weight.find(given.find_items),
    }


def _show(found: list[Row]) -> None:
    table = Table("what", "ours", "peer", "ratio", "unit", "budget", "", title="make bench", box=None)
    for one in found:
        holds = {True: "[green]holds[/]", False: "[red]missed[/]", None: ""}[one["holds"]]
        figures = ("" if one[name] is None else str(one[name]) for name in ("ours", "peer", "ratio"))
        table.add_row(one["name"], *figures, one["unit"], str(one["budget"] or ""), holds)
    Console(width=None if sys.stdout.isatty() else 180).print(table)
    for one in found:
        if one.get("note"):
            sys.stdout.write(f"  {one['name']}: {one['note']}\n")


if __name__ == "__main__":
    sys.exit(main())
