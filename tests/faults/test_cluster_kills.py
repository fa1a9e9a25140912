"""A cluster whose processes, database and broker are killed, cut off and hang: nothing is lost, nothing counts twice.

Longer runs, of more kills, seeds and instances: python tests/faults/cluster.py --seeds 1,2,3 --kills 60 --instances 2
"""

import random

import pytest
import storm
from cluster import Run
from judge import WRONG

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def made(tmp_path):
    runs = []

    def make(**given) -> Run:
        seed = random.SystemRandom().randrange(1_000_000)
        print(f"seed {seed}")
        runs.append(Run(tmp_path, seed, **given))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


def is_clean(run: Run) -> None:
    code, verdict = run.judge()
    assert {name: verdict[name] for name in WRONG if verdict[name]} == {}
    assert run.wrong == []
    assert code == 0
    assert verdict["counts"]["items"] > 0
    assert verdict["counts"]["shipments"] > 0
    assert verdict["counts"]["files"] > 0


async def test_nothing_is_lost_or_doubled_when_a_cluster_is_killed_twenty_times(made):
    run = made(kills=20)
    await run.go()
    is_clean(run)
    assert run.kills == 20
    assert all(run.happened[trouble] for trouble in run.troubles)


async def test_without_confirms_the_judge_finds_what_a_dying_broker_lost(made):
    run = made(guards="-confirms")
    run.lose_what_is_not_confirmed()
    await run.go()
    code, verdict = run.judge()
    assert verdict["lost"]
    assert code == 1


async def test_with_confirms_a_broker_that_takes_messages_and_dies_loses_nothing_even_if_nobody_sends_again(made):
    run = made()
    run.lose_what_is_not_confirmed()
    await run.go()
    is_clean(run)
    assert run.happened[storm.BROKER_FROZEN] == 3


async def test_without_the_inbox_the_judge_finds_what_was_done_twice(made):
    run = made(guards="-inbox")
    run.double_what_is_sent()
    await run.go()
    code, verdict = run.judge()
    assert verdict["duplicated"]
    assert code == 1


def test_a_storm_kills_as_often_as_was_asked_and_everybody_at_least_once():
    for seed in range(50):
        found = storm.fates(seed, 16, 2)
        deaths = [
            (one, fate) for one, fates in found.items() for fate in fates if fate not in (storm.STOP, storm.FREEZE)
        ]
        assert len(deaths) == 16
        assert {one.rpartition("-")[0] for one, _ in deaths} == set(storm.POINTS)
        assert {fate.partition(":")[0] for _, fate in deaths} >= set(storm.LOOP)
        assert storm.fates(seed, 16, 2) == found
        assert storm.troubles(seed).count(storm.BROKER_KILLED) + storm.troubles(seed).count(storm.BROKER_FROZEN) == 3
