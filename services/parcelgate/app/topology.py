"""The topology: every service, queue and door of the gateway. Reading these tables tells all there is."""

from parcelgate.core.port import Queue

QUEUES = (
    Queue("router.advance", topic="advance", channel="*", consumer="router", lane="interactive"),
    Queue("router.advance.bulk", topic="advance", channel="*", consumer="router.bulk", lane="bulk"),
    Queue("postal.release", topic="release", channel="postal", consumer="postal", lane="interactive"),
    Queue("postal.release.bulk", topic="release", channel="postal", consumer="postal.bulk", lane="bulk"),
    Queue("carrier.release", topic="release", channel="carrier", consumer="carrier"),
    Queue("monitor.facts", topic="facts", channel="*", consumer="monitor", single=True),
)

# Whose retries a runner serves, so that their dead letters can be tried again.
CONSUMERS = frozenset(queue.consumer for queue in QUEUES)

SERVICES = ("postal", "carrier", "router", "risk", "clearance", "monitor")

# Which service answers an HTTP path; the longest prefix wins. Everything else is the monitor's.
DOORS = {
    "/v1/interchanges": "postal",
    "/v1/responses": "postal",
    "/v1/shipments": "carrier",
    "/v1/carriers": "carrier",
    "/v1/decisions": "carrier",
    "/v1/openapi.json": "carrier",
    "/v1/reports": "router",
    "/v1/dead-letters": "router",
    "/v1/declarations": "router",
}

# Which service answers the calls of a gRPC service. Risk and clearance are asked by the router alone, and stand in no door.
CALLS = {
    "parcelgate.api.carrier.v1.CarrierService": "carrier",
    "parcelgate.api.carrier.v1.DecisionService": "carrier",
    "parcelgate.api.partner.v1.PartnerService": "carrier",
    "parcelgate.api.intake.v1.DecisionIntake": "router",
    "parcelgate.api.tracking.v1.TrackingService": "monitor",
}


def door(path: str) -> str:
    """Return the service that answers an HTTP path."""
    found = [prefix for prefix in DOORS if path == prefix or path.startswith((f"{prefix}/", f"{prefix}?"))]
    return DOORS[max(found, key=len)] if found else "monitor"
