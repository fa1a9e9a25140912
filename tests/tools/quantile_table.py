"""Computes schemas/sample/quantiles.toml from the training part of the Customs Import Declaration Datasets.

Usage: quantile_table.py TRAIN.CSV > schemas/sample/quantiles.toml
"""

import csv
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

RANKS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
POST_KILOGRAMS, CARRIER_KILOGRAMS = 31.5, 300.0
FEWEST_ROWS = 4
GOODS = Path(__file__).parents[2] / "schemas" / "sample" / "goods.toml"

HEAD = """\
# Mass and price of import declarations by HS chapter, as published: kilograms of net mass and Korean won of assessed price, at the ranks below.
# post: rows of 0 < mass <= 31.5 kg; carrier: 0 < mass <= 300 kg. rows counts the former and weighs the chapter. origins: percent of rows up to
# 31.5 kg, the eight most frequent. The prices are anonymised (a light declaration's median is below one US dollar), so that the sample
# takes only their spread, price at a rank over the median, and their level from the retail prices of goods.toml.
version = "2026-01-01"
source = "Customs Import Declaration Datasets (Institute for Basic Science and Korea Customs Service, arXiv 2208.02484, MIT licence), part train, January to December 2020"
status = "sourced"
"""


def at_ranks(values: Sequence[float]) -> list[float]:
    """Take the values at RANKS (nearest rank), three significant figures."""
    ordered = sorted(values)
    return [float(f"{ordered[round(rank * (len(ordered) - 1))]:.3g}") for rank in RANKS]


def main(path: Path) -> None:
    """Print the table of every chapter that goods.toml has."""
    chapters = {code[:2] for code in tomllib.loads(GOODS.read_text("utf-8"))["goods"]}
    rows = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            mass = float(row["Net Mass"])
            if 0 < mass <= CARRIER_KILOGRAMS:
                rows[row["HS6 Code"][:2]].append((mass, float(row["Item Price"]), row["Country of Origin"]))
    print(HEAD)
    print(f"ranks = {list(RANKS)}\n\n[chapter]")
    for chapter in sorted(chapters):
        light = [row for row in rows[chapter] if row[0] <= POST_KILOGRAMS]
        if len(light) < FEWEST_ROWS:
            continue
        origins = Counter(row[2] for row in light).most_common(8)
        shares = ", ".join(f"{land} = {100 * count / len(light):.1f}" for land, count in origins)
        print(
            f'"{chapter}" = {{ rows = {len(light)}, post = {at_ranks([row[0] for row in light])}, '
            f"carrier = {at_ranks([row[0] for row in rows[chapter]])}, "
            f"price = {at_ranks([row[1] for row in light if row[1] > 0])}, origins = {{ {shares} }} }}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
