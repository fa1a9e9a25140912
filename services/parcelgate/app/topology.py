"""The topology: every queue of the gateway. Reading this table tells all there is."""

from parcelgate.core.port import Queue

QUEUES = (
    Queue("router.advance", topic="advance", channel="*", consumer="router"),
    Queue("postal.release", topic="release", channel="postal", consumer="postal"),
    Queue("carrier.release", topic="release", channel="carrier", consumer="carrier"),
    Queue("monitor.facts", topic="facts", channel="*", consumer="monitor"),
)
