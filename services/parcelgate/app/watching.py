"""What is not as it should be though the gateway works: readiness carries it as warnings, and the doctor shows it."""

import time
from collections.abc import Callable, Mapping

from parcelgate.adapters.bus.rabbitmq import topology as place
from parcelgate.adapters.bus.rabbitmq.bus import RabbitBus
from parcelgate.adapters.store.postgres.reconcile import Found
from parcelgate.adapters.store.postgres.store import Condition, PostgresStore
from parcelgate.core.pressure import Pressure

# What waits for the bus no longer than this is on its way.
_UNSENT_SECONDS = 10.0
# So long it is told that the broker lost something.
_REMEMBER_SECONDS = 600.0


class Watch:
    """Looks at store, broker and reconciler of one process of a cluster."""

    def __init__(
        self, store: PostgresStore, bus: RabbitBus, pressure: Pressure, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._bus = bus
        self._pressure = pressure
        self._now = now
        self._condition = Condition(0, 0.0, 0, 0)
        self._found = Found(0, 0, 0, 0)
        self._lost: list[tuple[float, int]] = []

    async def look(self) -> None:
        """Look at the store; raises StoreUnavailableError, and keeps what was seen last."""
        self._condition = await self._store.condition()

    def note(self, found: Found) -> None:
        """Keep what the reconciler found, where this process is the one that reconciles."""
        self._found = found
        if found.lost:
            self._lost.append((self._now(), found.lost))

    def warnings(self) -> Mapping[str, str]:
        """Return what is not well, by what it is about; empty if all is."""
        seen, alarms = self._condition, self._bus.alarms()
        self._lost = [one for one in self._lost if one[0] > self._now() - _REMEMBER_SECONDS]
        lost = sum(count for _, count in self._lost)
        late = seen.unsent and seen.unsent_seconds > _UNSENT_SECONDS
        found = {
            "broker": "takes nothing more in: its memory or its disk runs low" if self._bus.blocked else "",
            "pressure": f"the doors are shut: {self._pressure.full}" if self._pressure.full else "",
            "outbox": f"{_many(seen.unsent)} messages wait for the broker, the oldest for {seen.unsent_seconds:.0f} s"
            if late
            else "",
            "unrouted": _count(alarms[place.UNROUTED], f"messages lie in {place.UNROUTED}")
            or _count(self._found.unrouted, "messages of the outbox are for no queue"),
            "dead messages": _count(alarms[place.DEAD], f"messages lie in {place.DEAD}"),
            "retries": _count(seen.retried, "pieces of work were tried three times or more, and are tried again"),
            "dead letters": _count(seen.dead, "pieces of work failed for good"),
            "lost messages": _count(lost, "messages were lost on the way and sent again, in the last ten minutes"),
        }
        return {what: finding for what, finding in found.items() if finding}


def _count(count: int, what: str) -> str:
    return f"{_many(count)} {what}" if count else ""


def _many(count: int) -> str:
    return str(count) if count < Condition.MOST else f"{count} or more"
