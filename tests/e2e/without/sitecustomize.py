"""Takes one service's handler out of a gateway, for the tests: PARCELGATE_WITHOUT names it, its replacement does nothing.

Python imports this module at its start if its folder is in the path; only the process of the gateway itself is changed.
"""

import importlib
import os
import sys

_OUTCOME = ("parcelgate.core.port", "Outcome")
# Name: module, class and method of the handler, and what the replacement returns.
HANDLERS = {
    "postal": ("parcelgate.postal.delivery", "Delivering", "handle", _OUTCOME),
    "carrier": ("parcelgate.carrier.service", "CarrierService", "_log_releases", _OUTCOME),
    "router": ("parcelgate.router.desk", "Desk", "handle", _OUTCOME),
    "risk": (
        "parcelgate.risk.service",
        "RiskServicer",
        "serve",
        ("builtins", "bytes"),
    ),
    "clearance": (
        "parcelgate.clearance.service",
        "ClearanceServicer",
        "serve",
        ("builtins", "bytes"),
    ),
    "monitor": ("parcelgate.monitor.service", "MonitorService", "project", _OUTCOME),
}


def take_out(name: str) -> None:
    """Replace a handler by one that returns an empty answer."""
    place, owner, method, (source, answer) = HANDLERS[name]
    nothing = getattr(importlib.import_module(source), answer)

    async def handle(*_arguments: object) -> object:
        return nothing()

    kind = getattr(importlib.import_module(place), owner)
    assert callable(getattr(kind, method))
    setattr(kind, method, handle)


if "up" in sys.orig_argv and (chosen := os.environ.get("PARCELGATE_WITHOUT")):
    take_out(chosen)
