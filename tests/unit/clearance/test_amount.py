"""Amounts are whole minor units, rounded half up; nothing in clearance is a float."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest

import parcelgate.clearance
from parcelgate.api.record.v1.quantity_pb2 import Money
from parcelgate.clearance import amount


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [
        (5, 10, 1),
        (4, 10, 0),
        (15, 10, 2),
        (25, 10, 3),
        (-5, 10, -1),
        (-4, 10, 0),
        (0, 7, 0),
        (10**30 + 5, 10, 10**29 + 1),
    ],
)
def test_halves_are_rounded_away_from_zero(numerator, denominator, rounded):
    assert amount.half_up(numerator, denominator) == rounded


def test_decimals_come_from_the_currency():
    assert [amount.exponent(currency) for currency in ("JPY", "EUR", "KWD")] == [0, 2, 3]


def test_money_is_written_in_units_and_billionths():
    money = Money()
    amount.write(money, "KWD", 17_605, 1000)
    assert money == Money(currency="KWD", units=17, nanos=605_000_000)
    assert amount.nanos(money) == 17_605_000_000


def test_an_exact_number_becomes_minor_units():
    assert amount.minor(Decimal("3.005"), 2) == 301


def test_no_module_of_clearance_divides_into_or_makes_a_float():
    for path in Path(parcelgate.clearance.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            assert not (isinstance(node, ast.Name) and node.id == "float"), path
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _of_numbers(node)), path


def _of_numbers(node):
    """Paths are joined with the same sign; those have a text, or a call or name that is a folder, on one side."""
    text = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right))
    folder = any(isinstance(side, ast.Name) and side.id in ("folder", "name") for side in (node.left, node.right))
    return not (text or folder)
