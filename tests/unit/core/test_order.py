"""The responses of a case are logged in their order, whichever process takes which message first."""

import pytest

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk, ChunkEntry
from parcelgate.api.record.v1.decision_pb2 import Release
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_TEST
from parcelgate.core import chunk
from parcelgate.core.clock import FixedClock
from parcelgate.core.order import Coming, in_order
from parcelgate.core.port import Outcome, TryAgainError

ADDRESS = chunk.Address("release", "postal", CHUNK_KIND_RELEASES, ENVIRONMENT_TEST, "post-cn")


class Log:
    """A delivery log that has some responses."""

    def __init__(self, *logged):
        self._logged = set(logged)

    async def logged(self, partner, environment, ids):
        assert (partner, environment) == ("post-cn", "test")
        return self._logged & set(ids)


def coming(*releases):
    bodies = [release.SerializeToString() for release in releases]
    (message,) = chunk.pack(ADDRESS, [(ChunkEntry(), body) for body in bodies], "seed")
    read = Chunk.FromString(message.body)
    return [
        Coming(message, read.head, number, body, release.response_id, release.follows, release)
        for number, (body, release) in enumerate(zip(bodies, releases, strict=True))
    ]


def response(name, follows=""):
    return Release(response_id=name, follows=follows)


async def order(log, given):
    outcome = Outcome()
    ready = await in_order(log, FixedClock(1_000_000), given, chunk.split, outcome)
    waiting = [Chunk.FromString(later.message.body).items for later in outcome.postponed]
    return [one.response_id for one in ready], [Release.FromString(one).response_id for (one,) in waiting]


async def test_the_first_response_of_a_case_waits_for_nothing():
    assert await order(Log(), coming(response("a1"), response("b1"))) == (["a1", "b1"], [])


async def test_a_response_whose_forerunner_is_logged_goes_on():
    assert await order(Log("a1"), coming(response("a2", "a1"), response("b1"))) == (["a2", "b1"], [])


async def test_a_response_may_come_together_with_its_forerunner():
    assert await order(Log(), coming(response("a1"), response("a2", "a1"), response("a3", "a2"))) == (
        ["a1", "a2", "a3"],
        [],
    )


async def test_a_response_that_comes_too_early_waits_and_its_neighbours_go_on():
    assert await order(Log(), coming(response("a2", "a1"), response("b1"), response("a3", "a2"))) == (
        ["b1"],
        ["a2", "a3"],
    )


async def test_the_tries_of_a_response_that_comes_alone_are_counted():
    with pytest.raises(TryAgainError, match="earlier response"):
        await order(Log(), coming(response("a2", "a1")))
