"""What has to be there on the broker: exchanges, queues and bindings as data; declared, and with that verified.

The same plan is declared at start-up, after every reconnect, and printed as definitions for an operator's broker.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aio_pika
from aio_pika.exceptions import ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused
from pamqp.common import FieldTable

from parcelgate.core.port import BusUnavailableError, Queue

UNROUTED = "parcelgate.unrouted"
DEAD = "parcelgate.dead"
# Queues that nothing should lie in; whatever does is an alarm.
ALARMS = (UNROUTED, DEAD)
# A safety net, far away on purpose: every lost connection counts all messages that were handed out over it.
DELIVERY_LIMIT = 100
# A partner's own queues: messages that may wait to be read, and bytes that may wait to be handed in.
RELEASE_MESSAGES = 50
IN_BYTES = 1024**3


class TopologyError(BusUnavailableError):
    """The broker has something of ours that differs from what is needed, or does not let us declare it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange; what no queue takes goes to the alternate exchange, if there is one."""

    name: str
    kind: str
    alternate: str = ""

    @property
    def arguments(self) -> FieldTable:
        """Return its arguments."""
        return {"alternate-exchange": self.alternate} if self.alternate else {}


@dataclass(frozen=True, slots=True)
class Holder:
    """A durable quorum queue."""

    name: str
    arguments: FieldTable


@dataclass(frozen=True, slots=True)
class Binding:
    """What a queue takes from an exchange."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that has to be there, in the order in which it can be declared."""

    exchanges: Sequence[Exchange]
    queues: Sequence[Holder]
    bindings: Sequence[Binding]

    def __add__(self, other: "Plan") -> "Plan":
        """Join two plans; what stands in both stands in it once."""
        return Plan(
            tuple(dict.fromkeys((*self.exchanges, *other.exchanges))),
            tuple({queue.name: queue for queue in (*self.queues, *other.queues)}.values()),
            tuple(dict.fromkeys((*self.bindings, *other.bindings))),
        )


def exchange_of(topic: str) -> str:
    """Name the exchange of a topic."""
    return f"parcelgate.{topic}"


def in_queue(partner: str) -> str:
    """Name the queue, and the exchange, by which a partner hands in."""
    return f"in.{partner}"


def release_queue(partner: str) -> str:
    """Name the queue from which a partner takes its responses."""
    return f"release.{partner}"


def plan(topology: Iterable[Queue]) -> Plan:
    """Return what the gateway's own hops need."""
    queues = list(topology)
    topics = sorted({queue.topic for queue in queues})
    return Plan(
        (*_safety_exchanges(), *(Exchange(exchange_of(topic), "topic", UNROUTED) for topic in topics)),
        (*_safety_queues(), *(Holder(queue.name, _working(single=queue.single)) for queue in queues)),
        (
            *_safety_bindings(),
            *(Binding(exchange_of(queue.topic), queue.name, _pattern(queue)) for queue in queues),
        ),
    )


def partner_plan(handing_in: Iterable[str], taking: Iterable[str]) -> Plan:
    """Return what the queues of partners need: of those that hand in, and of those that take their responses.

    A partner publishes through an exchange of its own, so that its permission can name that and nothing else.
    """
    inward, outward = sorted(handing_in), sorted(taking)
    return Plan(
        (*_safety_exchanges(), *(Exchange(in_queue(one), "fanout", UNROUTED) for one in inward)),
        (
            *_safety_queues(),
            *(Holder(in_queue(one), _working() | {"x-max-length-bytes": IN_BYTES}) for one in inward),
            *(Holder(release_queue(one), _release()) for one in outward),
        ),
        (*_safety_bindings(), *(Binding(in_queue(one), in_queue(one), "") for one in inward)),
    )


async def declare(connection: aio_pika.abc.AbstractConnection, wanted: Plan) -> None:
    """Declare all of a plan, which also verifies what is there already.

    Raises TopologyError that names what differs, and what the connection raises if it breaks.
    """
    channel = connection.channel(publisher_confirms=False)
    await channel.initialize()
    name = ""
    try:
        for exchange in wanted.exchanges:
            name = f"exchange {exchange.name}"
            await channel.declare_exchange(
                exchange.name, exchange.kind, durable=True, arguments=exchange.arguments or None
            )
        for holder in wanted.queues:
            name = f"queue {holder.name}"
            await channel.declare_queue(holder.name, durable=True, arguments=dict(holder.arguments))
        for binding in wanted.bindings:
            name = f"binding of queue {binding.queue} to {binding.exchange}"
            queue = await channel.get_queue(binding.queue, ensure=False)
            await queue.bind(binding.exchange, binding.key)
    except ChannelPreconditionFailed as error:
        raise TopologyError(
            f"the {name} is on the broker already and differs from what this gateway needs ({error}); delete it when it"
            " is empty, or give the gateway a virtual host of its own"
        ) from error
    except ChannelAccessRefused as error:
        raise TopologyError(
            f"the broker does not let this user declare the {name} ({error}); give it the permissions that"
            " parcelgate broker-definitions shows"
        ) from error
    await channel.close()


def _pattern(queue: Queue) -> str:
    """Return the topic pattern of <environment>.<channel>.<partner>, and .bulk behind it."""
    tail = {"interactive": "", "bulk": ".bulk", "*": ".#"}[queue.lane]
    return f"*.{queue.channel}.*{tail}"


def _working(*, single: bool = False) -> FieldTable:
    arguments: FieldTable = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        # At-least-once dead lettering is only possible where a full queue refuses.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return arguments | ({"x-single-active-consumer": True} if single else {})


def _release() -> FieldTable:
    # No delivery limit: what a partner reads and does not acknowledge stays its own.
    return {"x-queue-type": "quorum", "x-max-length": RELEASE_MESSAGES, "x-overflow": "reject-publish"}


def _safety_exchanges() -> tuple[Exchange, ...]:
    return (Exchange(UNROUTED, "fanout"), Exchange(DEAD, "fanout"))


def _safety_queues() -> tuple[Holder, ...]:
    return tuple(Holder(name, {"x-queue-type": "quorum"}) for name in ALARMS)


def _safety_bindings() -> tuple[Binding, ...]:
    return tuple(Binding(name, name, "") for name in ALARMS)
