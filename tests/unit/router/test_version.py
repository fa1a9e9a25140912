"""Versions are applied one after the other, however they come."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from parcelgate.router.version import put_in_order


def test_the_next_version_is_applied_with_those_that_waited_for_it():
    order = put_in_order(1, {2}, {3, 4, 6})
    assert (order.apply, order.hold, order.older) == ([2, 3, 4], [], [])


def test_a_version_that_came_too_early_is_held_and_an_older_one_has_no_effect():
    order = put_in_order(3, {5, 2, 3}, set())
    assert (order.apply, order.hold, order.older) == ([], [5], [2])


@given(st.permutations(range(1, 9)), st.lists(st.integers(0, 8), max_size=5))
def test_every_arrival_order_and_every_cut_into_batches_applies_each_version_once_and_in_order(arrivals, cuts):
    current, held, applied = 0, set(), []
    edges = sorted({0, 8, *cuts})
    for start, end in pairwise(edges):
        order = put_in_order(current, arrivals[start:end], held)
        applied += order.apply
        held = (held | set(order.hold)) - set(order.apply)
        current = applied[-1] if applied else 0
        # A redelivery of all that came so far changes nothing.
        again = put_in_order(current, arrivals[:end], held)
        assert (again.apply, again.hold) == ([], [])
    assert applied == list(range(1, 9))
    assert held == set()
