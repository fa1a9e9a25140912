"""kill -9 at every fail-point and at random, under load: nothing is lost, nothing counts twice."""

import random

import pytest
from judge import WRONG

from parcelgate.core.failpoint import POINTS

pytestmark = pytest.mark.timeout(300)

# Each fail-point once, early and late in the traffic, then as many random moments.
EARLY = [f"{point}:1" for point in POINTS]
LATE = [
    f"{point}:{number}" for point, number in zip(POINTS, (3, 2, 2, 2, 2, 9, 7, 8, 6, 40, 2, 2, 3, 3, 3, 2), strict=True)
]


def verdict_is_clean(code: int, verdict: dict) -> None:
    assert {name: verdict[name] for name in WRONG if verdict[name]} == {}
    assert code == 0


@pytest.mark.parametrize(
    "points", [EARLY[:8], EARLY[8:], LATE[:8], LATE[8:]], ids=["early-a", "early-b", "late-a", "late-b"]
)
async def test_nothing_is_lost_or_doubled_when_the_gateway_dies_at_a_fail_point(scene, points):
    await scene.run(11, points)
    code, verdict = scene.judge()
    verdict_is_clean(code, verdict)
    assert scene.kills == len(points)
    assert verdict["counts"]["items"] > 0
    assert verdict["counts"]["responses"] > 0


async def test_nothing_is_lost_or_doubled_when_the_gateway_dies_at_random_twenty_times(scene):
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    await scene.run(seed, ["random"] * 20)
    code, verdict = scene.judge()
    verdict_is_clean(code, verdict)
    assert scene.kills == 20
    assert verdict["counts"]["items"] > 200


async def test_without_the_inbox_the_judge_finds_duplicates(scene):
    # Which of the consumers passes at the n-th time is chance; several of these are edges that log responses.
    points = [f"runner.done_before_acknowledge:{nth}" for nth in (2, 3, 4, 5, 6, 7, 8, 9, 11, 13)]
    await scene.run(11, points, guards="-inbox")
    code, verdict = scene.judge()
    assert verdict["duplicated"]
    assert code == 1
