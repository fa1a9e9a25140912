"""The topology: every queue of the gateway. Reading this table tells all there is."""

from parcelgate.core.port import Queue

QUEUES = (
    Queue("router.advance", topic="advance", channel="*", consumer="router", lane="interactive"),
    Queue("router.advance.bulk", topic="advance", channel="*", consumer="router.bulk", lane="bulk"),
    Queue("postal.release", topic="release", channel="postal", consumer="postal", lane="interactive"),
    Queue("postal.release.bulk", topic="release", channel="postal", consumer="postal.bulk", lane="bulk"),
    Queue("carrier.release", topic="release", channel="carrier", consumer="carrier"),
    Queue("monitor.facts", topic="facts", channel="*", consumer="monitor", single=True),
)
