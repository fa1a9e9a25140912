"""What befalls the processes and the engines of a cluster, drawn from a seed: the same seed, the same misfortunes."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

# Between two durable steps of the one loop: the sender and the relay die there.
LOOP = (
    "runner.handled_before_commit",
    "store.mid_batch",
    "runner.committed_before_publish",
    "runner.published_before_mark",
    "runner.done_before_acknowledge",
)
POINTS = {
    "postal": (
        *LOOP,
        "intake.part_stored",
        "intake.committed_before_reply",
        "translation.batch_committed",
        "translation.closed",
        "routing.batch_committed",
        "mailbox.claimed_before_intake",
        "mailbox.accepted_before_result",
        "handout.closed_before_write",
        "handout.written_before_rename",
        "handout.renamed_before_mark",
    ),
    "carrier": (*LOOP, "carrier.committed_before_reply"),
    "router": LOOP,
    "monitor": ("runner.handled_before_commit", "store.mid_batch", "runner.done_before_acknowledge"),
    "risk": (),
    "clearance": (),
}
# Fates that are no fail-points: kill -9 at some moment, SIGTERM, and hanging for longer than a lease lasts.
KILL, STOP, FREEZE = "kill", "stop", "freeze"

# What befalls the engines; the kills among them count.
DATABASE_KILLED = "database killed"
BROKER_KILLED = "broker killed"
BROKER_FROZEN = "broker frozen and killed"
BROKER_RESTARTED = "broker restarted"
CUTS = ("database cut", "broker cut")
HOLES = ("database in a black hole", "broker in a black hole")
ENGINE_KILLS = (DATABASE_KILLED, BROKER_KILLED, BROKER_KILLED, BROKER_FROZEN)


def fates(seed: int, kills: int, instances: int) -> dict[str, list[str]]:
    """Draw what befalls each process, by instance: so many deaths, each service and each point of the loop among them.

    Beside the deaths, one process is asked to stop under load, and one hangs for a while.
    """
    chance = random.Random(f"fates {seed}")
    drawn = [(service, KILL) for service in POINTS]
    drawn += [(chance.choice(("postal", "carrier", "router")), point) for point in LOOP]
    more = [(service, point) for service, points in POINTS.items() for point in (*points, KILL)]
    while len(drawn) < kills:
        drawn += chance.sample(more, min(len(more), kills - len(drawn)))
    drawn = drawn[:kills] + [(chance.choice(("postal", "carrier", "router")), fate) for fate in (STOP, FREEZE)]
    chance.shuffle(drawn)
    found: dict[str, list[str]] = defaultdict(list)
    for service, fate in drawn:
        # The loop is gone through again and again, the other points once for each interchange or file.
        passes = f":{chance.randint(1, 3) if fate in LOOP else 1}" if "." in fate else ""
        found[f"{service}-{chance.randint(1, instances)}"].append(fate + passes)
    return dict(found)


def troubles(seed: int) -> list[str]:
    """Draw in which order the engines are killed, restarted, cut off and put into a black hole."""
    chance = random.Random(f"troubles {seed}")
    found = [*ENGINE_KILLS, BROKER_RESTARTED, *CUTS, chance.choice(HOLES)]
    chance.shuffle(found)
    return found


def doubling(points: Iterable[str], services: Iterable[str], times: int) -> dict[str, list[str]]:
    """Return fates after which messages come twice: random chaos hardly ever does that."""
    return {f"{service}-1": list(_numbered(points, times)) for service in services}


def _numbered(points: Iterable[str], times: int) -> Iterator[str]:
    for number in range(times):
        for point in points:
            yield f"{point}:{1 + number}"
